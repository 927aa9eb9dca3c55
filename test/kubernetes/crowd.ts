/** Hundreds or thousands of LogStreams on one control plane, whose readers are pods without processes: for what only numbers show. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { unpackedImage } from '../../operator/image/unpacked.ts';
import { KINDS } from '../../operator/kube/kinds.ts';
import { pathOf } from '../../operator/kube/list.ts';
import type { KubeObject } from '../../operator/kube/object.ts';
import type { LogStream } from '../../operator/logstream.ts';
import { AuditFollower, type AuditedWrite } from './audit-follow.ts';
import { builtFile } from './build.ts';
import { ControlPlane } from './controlplane.ts';
import { HollowNode } from './hollow-node.ts';
import { MEMORY_LIMIT, ShippedOperator } from './shipped-operator.ts';

const INSTALL = new URL('../../operator/deploy/install.yaml', import.meta.url);
const NODE = 'node-a';
export const NAMESPACE = 'crowd';
const SYSTEM = 'kinlog-system';
const ACCOUNT = `system:serviceaccount:${SYSTEM}:kinlog-operator`;
/** Written as time goes by, or beside what is to be done. */
const ALONGSIDE: ReadonlySet<string> = new Set(['leases', 'events']);
/** Calls of ours that are under way together. */
const AT_ONCE = 8;
const POLL_MS = 200;
const QUIET_MS = 3000;
const SECRETS = 10;

export const nameOf = (n: number): string => `logs-${n}`;

/** The image and how it is started. */
interface Shipped {
  readonly root: string;
  readonly args: readonly string[];
}

export class Crowd {
  readonly plane: ControlPlane;
  readonly node: HollowNode;
  /** Of the operator, without its Lease and its Events; and of anybody to a LogStream's spec. */
  readonly operatorWrites: AuditedWrite[] = [];
  readonly specWrites: AuditedWrite[] = [];
  readonly #audit: AuditFollower;
  readonly #shipped: Shipped;

  private constructor(plane: ControlPlane, node: HollowNode, shipped: Shipped) {
    this.plane = plane;
    this.node = node;
    this.#shipped = shipped;
    this.#audit = new AuditFollower(plane.auditLog);
  }

  /** Everything of install.yaml but the operator, which is to be started; its namespace `crowd` with Secrets `splunk-0` to `splunk-9`. */
  static async start(): Promise<Crowd> {
    const root = await unpackedImage();
    const plane = await ControlPlane.start({
      binary: builtFile(),
      nodes: [NODE],
      nodeLostSeconds: 60,
      evictSeconds: 60,
    });
    const objects = parseAllDocuments(readFileSync(INSTALL, 'utf8')).map((document) => document.toJS() as KubeObject);
    const { args, resources } = containerOf(objects.find(({ kind }) => kind === 'Deployment')!);
    if (resources.limits.memory !== MEMORY_LIMIT) throw new Error(`a memory limit of ${resources.limits.memory}`);
    const others = objects.filter(({ kind }) => kind !== 'Deployment' && kind !== 'Service');
    const made = [...others, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }];
    const text = made.map((object) => JSON.stringify(object)).join('\n---\n');
    await plane.kubectlAside(['apply', '--server-side', '-f', '-'], text);
    await plane.kubectlAside(['wait', '--for=condition=Established', 'crd/logstreams.kinlog.io', '--timeout=30s']);
    const access = { server: plane.url, authority: plane.authority, token: `${NODE}-token` };
    const crowd = new Crowd(plane, await HollowNode.start(NODE, access), { root, args });
    for (let n = 0; n < SECRETS; n++) await crowd.secret(n, 'first');
    return crowd;
  }

  async stop(): Promise<void> {
    this.#audit.close();
    await this.node.stop();
    await this.plane.stop();
  }

  /** `server`: the API server's address as the operator sees it. */
  async operator(
    how: { readonly server?: string; readonly nodeArgs?: readonly string[] } = {},
  ): Promise<ShippedOperator> {
    const { server = this.plane.url, nodeArgs = [] } = how;
    const asked = ['-n', SYSTEM, 'create', 'token', 'kinlog-operator', '--duration=8h'];
    const token = (await this.plane.kubectlAside(asked)).trim();
    const kubeconfig = this.plane.kubeconfigFor('operator', token, server);
    return ShippedOperator.start({ ...this.#shipped, kubeconfig, nodeArgs });
  }

  async create(n: number): Promise<void> {
    await this.plane.call('POST', this.#where(), logStream(n));
  }

  async createAll(count: number): Promise<void> {
    await inParallel(
      Array.from({ length: count }, (_, n) => n),
      (n) => this.create(n),
    );
  }

  /** A merge patch. */
  async patch(n: number, spec: object): Promise<void> {
    await this.plane.call('PATCH', this.#where(nameOf(n)), { spec }, 'application/merge-patch+json');
  }

  async delete(n: number): Promise<void> {
    await this.plane.call('DELETE', this.#where(nameOf(n)));
  }

  async deleteAll(count: number): Promise<void> {
    await inParallel(
      Array.from({ length: count }, (_, n) => n),
      (n) => this.delete(n),
    );
  }

  /** An annotation of somebody else's. */
  async note(kind: keyof typeof KINDS, name: string, text: string): Promise<void> {
    const patch = { metadata: { annotations: { 'kinlog.test/note': text } } };
    await this.plane.call('PATCH', pathOf(KINDS[kind], NAMESPACE, name), patch, 'application/merge-patch+json');
  }

  async secret(n: number, token: string): Promise<void> {
    const where = `${pathOf(KINDS.secret, NAMESPACE, `splunk-${n}`)}?fieldManager=person&force=true`;
    const metadata = { name: `splunk-${n}`, namespace: NAMESPACE };
    const object = { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { token } };
    await this.plane.call('PATCH', where, object, 'application/apply-patch+yaml');
  }

  async list<T extends KubeObject>(kind: keyof typeof KINDS): Promise<readonly T[]> {
    return (await this.plane.call<{ items: T[] }>('GET', pathOf(KINDS[kind], NAMESPACE))).items;
  }

  /** Those that are not Ready, or of which the status is about an earlier spec. */
  async notReady(): Promise<readonly LogStream[]> {
    const streams = await this.list<LogStream>('logStream');
    return streams.filter(({ metadata, status }) => {
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      return ready?.status !== 'True' || ready.observedGeneration !== metadata.generation;
    });
  }

  /** As the operator tells, which is cheap to ask, and then as the API server has them. */
  async allReady(operator: ShippedOperator, count: number, limitMs: number): Promise<void> {
    const ready = () => operator.metric('kinlog_operator_logstreams', { ready: 'True' });
    await this.until(async () => (await ready()) === count, `${count} LogStreams Ready`, limitMs);
    await this.until(async () => (await this.notReady()).length === 0, `${count} LogStreams really Ready`, limitMs);
  }

  /** Nothing waits in the operator, and it has written nothing for some seconds. */
  async quiet(operator: ShippedOperator, limitMs: number): Promise<void> {
    let [written, sinceMs] = [-1, performance.now()];
    await this.until(
      async () => {
        if (this.operatorWrites.length !== written || (await operator.metric('workqueue_depth')) > 0)
          [written, sinceMs] = [this.operatorWrites.length, performance.now()];
        return performance.now() - sinceMs > QUIET_MS;
      },
      'an operator with nothing to do',
      limitMs,
    );
  }

  async until(fact: () => Promise<boolean>, what: string, limitMs: number): Promise<void> {
    const limit = performance.now() + limitMs;
    for (;;) {
      this.follow();
      // An operator that was just killed does not answer.
      if (await fact()) return;
      if (performance.now() > limit) throw new Error(`did not happen within ${limitMs} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Reads what was written meanwhile. */
  follow(): void {
    for (const write of this.#audit.take())
      if (write.user === ACCOUNT) {
        if (!ALONGSIDE.has(write.resource)) this.operatorWrites.push(write);
      } else if (write.resource === 'logstreams') this.specWrites.push(write);
  }

  #where(name?: string): string {
    return pathOf(KINDS.logStream, NAMESPACE, name);
  }
}

export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

interface Container {
  readonly args: readonly string[];
  readonly resources: { readonly limits: { readonly memory: string } };
}

function containerOf(deployment: KubeObject): Container {
  const { spec } = deployment as unknown as { spec: { template: { spec: { containers: Container[] } } } };
  return spec.template.spec.containers[0]!;
}

/** As people write them: a stream, DynamoDB, one HEC. */
function logStream(n: number): object {
  const tokenSecretRef = { name: `splunk-${n % SECRETS}`, key: 'token' };
  const { apiVersion, kind } = KINDS.logStream;
  return {
    apiVersion,
    kind,
    metadata: { name: nameOf(n), namespace: NAMESPACE },
    spec: {
      source: { streamName: `stream-${n}`, region: 'eu-central-1' },
      checkpoint: { type: 'DynamoDB' },
      outputs: [{ name: 'splunk', type: 'SplunkHEC', splunkHEC: { urls: ['https://splunk:8088'], tokenSecretRef } }],
    },
  };
}
