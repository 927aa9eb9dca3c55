/** The node of ours: what it does with a pod is what a kubelet does, as far as the suites stand on it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../flow/cli-process.ts';
import { builtFile } from './build.ts';
import { ControlPlane } from './controlplane.ts';
import { KubeletProcess } from './kubelet/child.ts';
import { bareImage } from './kubelet/images.ts';

interface Status {
  readonly phase: string;
  readonly reason?: string;
  readonly podIP?: string;
  readonly conditions?: readonly { type: string; status: string }[];
  readonly containerStatuses?: readonly ContainerStatus[];
}

interface ContainerStatus {
  readonly restartCount: number;
  readonly started: boolean;
  readonly state: { waiting?: { reason: string; message: string }; terminated?: Ended };
  readonly lastState: { terminated?: Ended };
}

interface Ended {
  readonly exitCode: number;
  readonly message?: string;
}

let plane: ControlPlane;
let node: KubeletProcess;
const folder = mkdtempSync(path.join(tmpdir(), 'kinlog-kubelet-'));

beforeAll(async () => {
  plane = await ControlPlane.start({ binary: builtFile(), nodes: ['node-a'] });
  const image = bareImage(folder);
  node = new KubeletProcess({
    name: 'node-a',
    api: { server: plane.url, authority: plane.authority, token: 'node-a-token' },
    images: { node: image, root: { ...image, user: 0 } },
  });
});
afterAll(async () => {
  await node.close();
  await plane.stop();
  rmSync(folder, { recursive: true, force: true });
});

const script = (text: string, more: object = {}) => ({ name: 'one', image: 'node', args: ['-e', text], ...more });
const SERVER = `
  const state = { live: 200, ready: 200, started: 200 };
  require('http').createServer((request, response) => {
    const [, page, value] = request.url.split('/');
    if (value) state[page] = Number(value);
    response.writeHead(state[page]).end();
  }).listen(9000, process.env.HOST);
  process.on('SIGTERM', () => { console.log('asked to end'); if (!process.env.STUBBORN) process.exit(0); });
`;
const HOST = { name: 'HOST', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } };
const web = (page: string, counts: object = {}) => ({
  httpGet: { port: 'web', path: `/${page}` },
  periodSeconds: 1,
  ...counts,
});
const server = (more: object = {}) =>
  script(SERVER, { ports: [{ name: 'web', containerPort: 9000 }], env: [HOST], ...more });
let pods = 0;

class Pod {
  readonly name = `pod-${++pods}`;

  constructor(spec: object) {
    this.#apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: this.name }, spec });
  }

  async until(what: string, holds: (status: Status) => boolean): Promise<Status> {
    let status: Status | undefined;
    const where = `/api/v1/namespaces/default/pods/${this.name}`;
    await until(async () => {
      ({ status } = await plane.call<{ status: Status }>('GET', where));
      return holds(status);
    }, `${this.name}: ${what}`).catch((error: unknown) => {
      throw new Error(`${String(error)} in ${JSON.stringify(status)}`);
    });
    return status!;
  }

  is(type: string, wanted: 'True' | 'False'): Promise<Status> {
    return this.until(`${type}=${wanted}`, ({ conditions = [] }) =>
      conditions.some((condition) => condition.type === type && condition.status === wanted),
    );
  }

  over(): Promise<Status> {
    return this.until('over', ({ phase }) => phase === 'Succeeded' || phase === 'Failed');
  }

  waits(reason: string): Promise<Status> {
    return this.until(reason, ({ containerStatuses }) => containerStatuses?.[0]?.state.waiting?.reason === reason);
  }

  log(): Promise<string> {
    return node.log(`default/${this.name}`);
  }

  delete(...how: string[]): void {
    plane.kubectl(['delete', 'pod', this.name, ...how]);
  }

  #apply(object: object): void {
    plane.kubectl(['apply', '-f', '-'], JSON.stringify(object));
  }
}

function make(kind: 'Secret' | 'ConfigMap', name: string, texts: Record<string, string>): void {
  const data = kind === 'Secret' ? { stringData: texts } : { data: texts };
  plane.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind, metadata: { name }, ...data }));
}

describe('the node of ours', () => {
  it('runs a program in its own root, which it can not write to, under the user of its image', async () => {
    const pod = new Pod({
      restartPolicy: 'Never',
      containers: [
        script(
          `const fs = require('fs');
           const write = (file) => { try { fs.writeFileSync(file, ''); return 'written'; } catch ({ code }) { return code; } };
           console.log(JSON.stringify({ uid: process.getuid(), root: write('/etc/x'), own: write('/tmp/x'), work: fs.existsSync('/work') }));`,
          {
            securityContext: { readOnlyRootFilesystem: true, runAsNonRoot: true },
            volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
          },
        ),
      ],
      volumes: [{ name: 'tmp', emptyDir: {} }],
    });
    expect((await pod.over()).phase).toBe('Succeeded');
    expect(JSON.parse(await pod.log())).toEqual({ uid: 65532, root: 'EROFS', own: 'written', work: false });
  });

  it('gives it variables from values, keys and fields, in the order in which they stand', async () => {
    make('Secret', 'variables', { token: 's3cret' });
    make('ConfigMap', 'variables', { index: 'main' });
    const pod = new Pod({
      restartPolicy: 'Never',
      containers: [
        script('console.log(JSON.stringify(process.env), process.argv[1])', {
          args: ['-e', 'console.log(JSON.stringify({ env: process.env, arg: process.argv[1] }))', '$(BOTH) $(NONE)'],
          env: [
            { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'variables', key: 'token' } } },
            { name: 'INDEX', valueFrom: { configMapKeyRef: { name: 'variables', key: 'index' } } },
            { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
            { name: 'BOTH', value: '$(INDEX)@$(NODE)$$(X)' },
            { name: 'MAYBE', valueFrom: { secretKeyRef: { name: 'variables', key: 'no', optional: true } } },
          ],
        }),
      ],
    });
    await pod.over();
    const { env, arg } = JSON.parse(await pod.log()) as { env: Record<string, string>; arg: string };
    expect(env).toMatchObject({ TOKEN: 's3cret', INDEX: 'main', NODE: 'node-a', BOTH: 'main@node-a$(X)' });
    expect(env['KUBERNETES_SERVICE_PORT']).toBe(new URL(plane.url).port);
    expect(env).not.toHaveProperty('MAYBE');
    expect(arg).toBe('main@node-a$(X) $(NONE)');
  });

  it('waits for a Secret that is missing, as variable or as file, and goes on once it is there', async () => {
    const variable = new Pod({
      containers: [
        script(SERVER, { env: [HOST, { name: 'T', valueFrom: { secretKeyRef: { name: 'late', key: 't' } } }] }),
      ],
    });
    const file = new Pod({
      containers: [server({ volumeMounts: [{ name: 'late', mountPath: '/late' }] })],
      volumes: [{ name: 'late', secret: { secretName: 'late' } }],
    });
    await variable.waits('CreateContainerConfigError');
    expect((await file.waits('ContainerCreating')).phase).toBe('Pending');
    make('Secret', 'late', { t: 'here' });
    await Promise.all([variable.is('Ready', 'True'), file.is('Ready', 'True')]);
    variable.delete();
    file.delete();
  });

  it('changes files in place when their objects change, and tells the token of its service account', async () => {
    make('ConfigMap', 'files', { a: 'old', b: 'not asked for' });
    const pod = new Pod({
      containers: [
        script(
          `const fs = require('fs');
           const [, claims] = fs.readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token', 'utf8').split('.');
           console.log(Buffer.from(claims, 'base64url').toString());
           console.log(fs.readdirSync('/etc/app').filter((name) => !name.startsWith('..')).join());
           let last;
           setInterval(() => { const now = fs.readFileSync('/etc/app/deep/a', 'utf8'); if (now !== last) console.log(last = now); }, 20);`,
          { volumeMounts: [{ name: 'files', mountPath: '/etc/app', readOnly: true }] },
        ),
      ],
      volumes: [
        {
          name: 'files',
          projected: { sources: [{ configMap: { name: 'files', items: [{ key: 'a', path: 'deep/a' }] } }] },
        },
      ],
    });
    await pod.is('Ready', 'True');
    await until(async () => (await pod.log()).includes('\nold\n'), 'the old file');
    make('ConfigMap', 'files', { a: 'new' });
    await until(async () => (await pod.log()).includes('\nnew\n'), 'the new file');
    const [claims, names] = (await pod.log()).split('\n');
    expect(JSON.parse(claims!)).toMatchObject({ sub: 'system:serviceaccount:default:default' });
    expect(names).toBe('deep');
    pod.delete('--grace-period=1');
  });

  it('is ready as its probes say, and restarts what does not live', async () => {
    const pod = new Pod({
      containers: [
        server({
          startupProbe: web('started'),
          readinessProbe: web('ready', { failureThreshold: 1 }),
          livenessProbe: web('live', { failureThreshold: 2 }),
        }),
      ],
    });
    const { podIP } = await pod.is('Ready', 'True');
    expect(podIP).toMatch(/^127\./);
    const tell = (what: string) => fetch(`http://${podIP!}:9000/${what}`);
    await tell('ready/503');
    await pod.is('Ready', 'False');
    await tell('ready/200');
    await pod.is('Ready', 'True');
    await tell('live/500');
    const { containerStatuses } = await pod.until(
      'restart',
      ({ containerStatuses: [one] = [] }) => one?.restartCount === 1,
    );
    expect(containerStatuses![0]!.lastState.terminated).toMatchObject({ exitCode: 0 });
    await pod.is('Ready', 'True');
    pod.delete();
  });

  it('asks once to end, and ends what stays after its grace', async () => {
    const polite = new Pod({ containers: [server()] });
    const stubborn = new Pod({
      terminationGracePeriodSeconds: 1,
      containers: [server({ env: [HOST, { name: 'STUBBORN', value: 'yes' }] })],
    });
    await Promise.all([polite.is('Ready', 'True'), stubborn.is('Ready', 'True')]);
    const log = (await node.pods()).find(({ name }) => name === stubborn.name)!.containers[0]!;
    expect(log.pid).toBeDefined();
    const began = performance.now();
    polite.delete();
    stubborn.delete();
    expect(performance.now() - began).toBeGreaterThan(1000);
    expect(() => process.kill(log.pid!, 0)).toThrow('ESRCH');
  });

  it('begins a program that ends again and again ever later, and tells its last words', async () => {
    const pod = new Pod({
      containers: [
        script('console.error("KINLOG_TEST: no"); process.exit(3)', {
          terminationMessagePolicy: 'FallbackToLogsOnError',
        }),
      ],
    });
    const { containerStatuses } = await pod.until(
      'CrashLoopBackOff',
      ({ containerStatuses: [one] = [] }) =>
        one !== undefined && one.restartCount >= 2 && one.state.waiting?.reason === 'CrashLoopBackOff',
    );
    expect(containerStatuses![0]!.lastState.terminated).toMatchObject({ exitCode: 3, message: 'KINLOG_TEST: no\n' });
    pod.delete();
  });

  it('gives its logs to kubectl, of a program that has ended before the one that runs too', async () => {
    const text = "console.log('one\\ntwo'); setTimeout(() => process.exit(1), 300)";
    const pod = new Pod({ containers: [script(text)] });
    await pod.until('begun again', ({ containerStatuses }) => containerStatuses?.[0]?.restartCount === 2);
    expect(plane.kubectl(['logs', pod.name, '--previous', '--tail=1'])).toBe('two\n');
    pod.delete('--now');
    const follower = new Pod({ containers: [script('setTimeout(() => console.log(1), 999)')], restartPolicy: 'Never' });
    await follower.until('started', ({ containerStatuses }) => containerStatuses?.[0]?.started === true);
    expect(plane.kubectl(['logs', follower.name, '--follow'])).toBe('1\n');
  });

  it('refuses what it must: an image that is not there, and root where root is refused', async () => {
    const image = new Pod({ containers: [{ name: 'one', image: 'no/such' }] });
    const root = new Pod({ containers: [script('', { image: 'root', securityContext: { runAsNonRoot: true } })] });
    expect((await image.waits('ImagePullBackOff')).containerStatuses![0]!.state.waiting!.message).toContain('no/such');
    await root.waits('CreateContainerConfigError');
    image.delete();
    root.delete();
  });

  it('runs the pods of a Job to their end', async () => {
    const job = (name: string, text: string) => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name },
      spec: { backoffLimit: 0, template: { spec: { restartPolicy: 'Never', containers: [script(text)] } } },
    });
    plane.kubectl(['apply', '-f', '-'], JSON.stringify(job('good', '')));
    plane.kubectl(['apply', '-f', '-'], JSON.stringify(job('bad', 'process.exit(1)')));
    plane.kubectl(['wait', '--for=condition=Complete', '--timeout=30s', 'job/good']);
    plane.kubectl(['wait', '--for=condition=Failed', '--timeout=30s', 'job/bad']);
    plane.kubectl(['delete', 'jobs', '--all']);
  });

  it('fails a pod that it evicts, and keeps a stuck one whatever is asked', async () => {
    const evicted = new Pod({ containers: [server()] });
    const stuck = new Pod({ containers: [server()] });
    await Promise.all([evicted.is('Ready', 'True'), stuck.is('Ready', 'True')]);
    await node.control({ do: 'evict', pod: `default/${evicted.name}` });
    expect(await evicted.over()).toMatchObject({ phase: 'Failed', reason: 'Evicted' });
    await node.control({ do: 'stick', pod: `default/${stuck.name}`, stuck: true });
    stuck.delete('--wait=false');
    evicted.delete();
    expect((await node.pods()).map(({ name }) => name)).not.toContain(evicted.name);
    expect((await node.pods()).find(({ name }) => name === stuck.name)?.containers[0]?.pid).toBeDefined();
    await node.control({ do: 'stick', pod: `default/${stuck.name}`, stuck: false });
    stuck.delete('--ignore-not-found');
  });
});
