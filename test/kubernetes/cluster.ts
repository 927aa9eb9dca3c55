/** `make cluster`: a Kubernetes to play with, until Ctrl-C: control plane, a node that has the image, a Kinesis, a DynamoDB and a HEC of ours. The operator is left to be installed, as on any cluster. */
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { indexedIn, startHecProcess } from '../fakes/hec/child.ts';
import { startSimulatorProcess } from '../fakes/kinesis/child.ts';
import { startDynalite } from '../fakes/peers/dynalite.ts';
import { build, HELM, kubernetesVersion, missingTool } from './build.ts';
import { claim } from './claim.ts';
import { ControlPlane } from './controlplane.ts';
import { KubeletProcess } from './kubelet/child.ts';
import { shippedImage } from './kubelet/images.ts';
import { Storage } from './storage.ts';

const ROOT = path.join(import.meta.dirname, '../..');
/** Another one is named by a test, which leaves alone what somebody plays with. */
const FOLDER = path.resolve(process.argv[2] ?? path.join(ROOT, '.cache/cluster'));
const NODE = 'node-a';
const STREAM = 'access-logs';
const TOKEN = '6a1c6d3e-0000-4000-8000-00000000feed';
const SHOW_MS = 500;
const say = (text: string) => void process.stdout.write(`${text}\n`);
const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };

interface Place {
  readonly kinesis: string;
  readonly dynamo: string;
  readonly hec: string;
}

/** Why there will be none; undefined when nothing is in the way. */
async function obstacle(): Promise<string | undefined> {
  const lack = process.platform === 'linux' ? missingTool() : 'Linux is missing';
  if (lack !== undefined) return `${lack}; docs/kubernetes/testing.md says what is needed`;
  const pid = await claim(FOLDER);
  if (pid === undefined) return undefined;
  return `one runs already in this checkout, as process ${pid}. Ctrl-C where it runs ends it, and so does: kill ${pid}`;
}

async function main(): Promise<void> {
  const [binary, helm] = [build(say), build(say, HELM)];
  const indexed = path.join(FOLDER, 'indexed');
  const [plane, kinesis, dynamo, hec] = await Promise.all([
    ControlPlane.start({
      binary,
      nodes: [NODE],
      nodeLostSeconds: 20,
      evictSeconds: 20,
      folder: path.join(FOLDER, 'control-plane'),
    }),
    startSimulatorProcess({ streams: { [STREAM]: 2 } }),
    startDynalite(),
    startHecProcess({ tokens: { [TOKEN]: {} }, file: indexed }),
  ]);
  const node = new KubeletProcess({
    name: NODE,
    api: { server: plane.url, authority: plane.authority, token: `${NODE}-token` },
    images: { [`kinlog:${version}`]: await shippedImage() },
    folder: path.join(FOLDER, NODE),
    periodFactor: 1,
  });
  const storage = await Storage.start(plane);
  plane.kubectl(['apply', '--server-side', '--filename', '-'], addressOfItsOwn());
  writePrograms(plane, { kubectl: `${binary} kubectl`, helm });
  const place = { kinesis: kinesis.url, dynamo: dynamo.url, hec: hec.url };
  writeFileSync(path.join(FOLDER, 'logstream.yaml'), example(place));
  say(introduction(place));
  const shown = setInterval(showNews(indexed), SHOW_MS);
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  clearInterval(shown);
  await storage.stop();
  await Promise.all([node.close(), kinesis.close(), dynamo.close(), hec.kill()]);
  await plane.stop();
  rmSync(FOLDER, { recursive: true, force: true });
}

/** `kubectl` and `helm` beside a file that puts them first and points them here. */
function writePrograms(plane: ControlPlane, programs: Readonly<Record<string, string>>): void {
  mkdirSync(path.join(FOLDER, 'bin'));
  for (const [name, command] of Object.entries(programs)) {
    const file = path.join(FOLDER, 'bin', name);
    writeFileSync(file, `#!/bin/sh\nexec ${command} "$@"\n`);
    chmodSync(file, 0o755);
  }
  const config = `export KUBECONFIG='${plane.kubeconfig('admin')}'`;
  const homes = ['KUBECACHEDIR', 'HELM_CACHE_HOME', 'HELM_CONFIG_HOME', 'HELM_DATA_HOME'];
  const caches = homes.map((name) => `export ${name}='${path.join(FOLDER, name.toLowerCase())}'`);
  const lines = [config, ...caches, `export PATH='${path.join(FOLDER, 'bin')}':"$PATH"`, ''];
  writeFileSync(path.join(FOLDER, 'env'), lines.join('\n'));
}

/** All pods share the network of this machine, so an operator must not listen on every address of it. */
function addressOfItsOwn(): string {
  const operators = { matchLabels: { 'app.kubernetes.io/name': 'kinlog-operator' } };
  const container = '/spec/containers/0';
  const patch = [
    `JSONPatch{op: "add", path: "${container}/env/0", value: Object.spec.containers.env{name: "POD_IP", valueFrom: Object.spec.containers.env.valueFrom{fieldRef: Object.spec.containers.env.valueFrom.fieldRef{fieldPath: "status.podIP"}}}}`,
    `JSONPatch{op: "add", path: "${container}/args/-", value: "--metrics-listen=$(POD_IP):8080"}`,
    `JSONPatch{op: "add", path: "${container}/args/-", value: "--probes-listen=$(POD_IP):8081"}`,
  ];
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const metadata = { name: 'address-of-its-own.kinlog.test' };
  const rules = [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }];
  const policy = {
    matchConstraints: { resourceRules: rules, objectSelector: operators },
    mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: `[${patch.join(', ')}]` } }],
    failurePolicy: 'Fail',
    reinvocationPolicy: 'Never',
  };
  return [
    { apiVersion, kind: 'MutatingAdmissionPolicy', metadata, spec: policy },
    { apiVersion, kind: 'MutatingAdmissionPolicyBinding', metadata, spec: { policyName: metadata.name } },
  ]
    .map((object) => JSON.stringify(object))
    .join('\n---\n');
}

function example({ kinesis, dynamo, hec }: Place): string {
  return `apiVersion: v1
kind: Secret
metadata: { name: aws }
stringData: { AWS_ACCESS_KEY_ID: test, AWS_SECRET_ACCESS_KEY: test }
---
apiVersion: v1
kind: Secret
metadata: { name: splunk-hec }
stringData: { token: ${TOKEN} }
---
apiVersion: kinlog.io/v1alpha1
kind: LogStream
metadata: { name: ${STREAM} }
spec:
  source:
    streamName: ${STREAM}
    region: us-east-1
    endpoint: ${kinesis}
    auth: { type: Secret, secretRef: { name: aws } }
  checkpoint: { type: DynamoDB, dynamoDB: { endpoint: '${dynamo}' } }
  outputs:
    - name: splunk
      type: SplunkHEC
      splunkHEC: { urls: ['${hec}'], tokenSecretRef: { name: splunk-hec, key: token } }
`;
}

const introduction = ({
  kinesis,
}: Place) => `Kubernetes ${kubernetesVersion()} with the image kinlog:${version}. In another terminal, in this folder:

  . ${path.relative('', path.join(FOLDER, 'env'))}                    # kubectl and helm, pointed here

  kubectl apply --server-side --filename operator/deploy/install.yaml
  kubectl --namespace kinlog-system rollout status deployment/kinlog-operator

or, after make helm:

  helm upgrade --install kinlog-operator dist/kinlog-operator-${version}.tgz --namespace kinlog-system --create-namespace --wait

then two Secrets and a LogStream that reads the stream ${STREAM}, and a record for it:

  kubectl apply --filename ${path.relative('', path.join(FOLDER, 'logstream.yaml'))}
  kubectl wait --for=condition=Ready logstream/${STREAM}
  curl --data '{"do":"put","stream":"${STREAM}","key":"a","data":"hello"}' ${kinesis}/_control

What Splunk gets appears here. The node knows kubectl logs, not kubectl exec. Ctrl-C ends everything and leaves nothing.
`;

/** Every event once, as it is there. */
function showNews(file: string): () => void {
  let shown = 0;
  return () => {
    const events = indexedIn(file);
    for (const { event } of events.slice(shown)) say(`splunk: ${JSON.stringify(event)}`);
    shown = events.length;
  };
}

const why = await obstacle();
if (why === undefined) await main();
else {
  process.stderr.write(`cluster: ${why}\n`);
  process.exitCode = 1;
}
