/** A real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes that a test starts, kills, freezes and starts again. */
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, fetch } from 'undici';
import { SERVER_CERTIFICATE, SERVER_KEY, TEST_CA } from '../fakes/certificates.ts';
import { auditPolicy, CONTROLLERS, kubeconfig, schedulerConfig, tokens } from './controlplane-files.ts';

const READY_MS = 60_000;
const KUBECTL_MS = 60_000;
const KUBECTL_BYTES = 256 * 1024 * 1024;

export type Program = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler';

export interface ControlPlaneOptions {
  /** What build.ts made. */
  readonly binary: string;
  /** Names of nodes that get credentials; `node-a` and `node-b` when absent. */
  readonly nodes?: readonly string[];
  /** Seconds until a silent node counts as lost, and until its pods are marked for deletion. */
  readonly nodeLostSeconds?: number;
  readonly evictSeconds?: number;
  /** For all that it writes; not there yet. One of its own when absent. */
  readonly folder?: string;
}

export class ControlPlane {
  readonly folder: string;
  readonly #options: Required<Omit<ControlPlaneOptions, 'folder'>>;
  readonly #ports: { readonly api: number; readonly etcd: number; readonly peer: number };
  readonly #running = new Map<Program, ChildProcess>();
  readonly #agent = new Agent({ connect: { ca: TEST_CA } });

  private constructor(options: ControlPlaneOptions, ports: readonly number[]) {
    this.#options = { nodes: ['node-a', 'node-b'], nodeLostSeconds: 6, evictSeconds: 5, ...options };
    this.#ports = { api: ports[0]!, etcd: ports[1]!, peer: ports[2]! };
    this.folder = options.folder ?? mkdtempSync(path.join(tmpdir(), 'kinlog-controlplane-'));
    mkdirSync(this.folder, { recursive: true });
    this.#writeFiles();
  }

  /** Ready when pods can be made: some three seconds. */
  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    const plane = new ControlPlane(options, await freePorts(3));
    try {
      await plane.run('etcd');
      await plane.run('kube-apiserver');
      await plane.run('kube-controller-manager');
      await plane.run('kube-scheduler');
      await plane.#until('the default service account', () =>
        plane.#answers('/api/v1/namespaces/default/serviceaccounts/default'),
      );
      return plane;
    } catch (error) {
      await plane.stop();
      throw error;
    }
  }

  get url(): string {
    return `https://127.0.0.1:${this.#ports.api}`;
  }

  /** Plain HTTP, for what only etcd can do, such as a compaction. */
  get etcdUrl(): string {
    return `http://127.0.0.1:${this.#ports.etcd}`;
  }

  get authority(): string {
    return TEST_CA;
  }

  /** One JSON object for each write: user, verb, object, decision. */
  get auditLog(): string {
    return path.join(this.folder, 'audit.log');
  }

  /** Of a user of tokens(): `admin`, or the name of a node. `server`: another address of the API server, such as a proxy's. */
  kubeconfig(user: string, server = this.url): string {
    return this.kubeconfigFor(user, `${user}-token`, server);
  }

  /** For a token that the server gave out. */
  kubeconfigFor(name: string, token: string, server = this.url): string {
    const file = path.join(this.folder, `${name}-${Buffer.from(server).toString('hex').slice(-12)}.kubeconfig`);
    writeFileSync(file, kubeconfig({ server, authority: path.join(this.folder, 'ca.crt'), name, token }));
    return file;
  }

  /** Standard output of the real kubectl. Throws with its standard error when it fails. */
  kubectl(args: readonly string[], input?: string): string {
    const options = { encoding: 'utf8', timeout: KUBECTL_MS, maxBuffer: KUBECTL_BYTES } as const;
    const { status, stdout, stderr, error } = spawnSync(this.#options.binary, this.#kubectlArguments(args), {
      ...options,
      env: this.#kubectlEnvironment(),
      input,
    });
    if (error !== undefined) throw error;
    if (status !== 0 && isTooEarly(args, stderr)) return this.kubectl(args, input);
    if (status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr.trim()}`);
    return stdout;
  }

  /** The same, while this process goes on: for what it has to do meanwhile, such as being a proxy. */
  kubectlAside(args: readonly string[], input = ''): Promise<string> {
    const options = { timeout: KUBECTL_MS, maxBuffer: KUBECTL_BYTES, env: this.#kubectlEnvironment() };
    return new Promise((resolve, reject) => {
      const child = execFile(this.#options.binary, this.#kubectlArguments(args), options, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else if (isTooEarly(args, stderr)) resolve(this.kubectlAside(args, input));
        else reject(new Error(`kubectl ${args.join(' ')}: ${stderr.trim()}`, { cause: error }));
      });
      child.stdin!.end(input);
    });
  }

  #kubectlArguments(args: readonly string[]): string[] {
    return ['kubectl', '--kubeconfig', this.kubeconfig('admin'), ...args];
  }

  /** Its cache of what the server knows outlives a test otherwise. */
  #kubectlEnvironment(): NodeJS.ProcessEnv {
    return { ...process.env, KUBECACHEDIR: path.join(this.folder, 'kubectl-cache') };
  }

  /** As admin, JSON in and out; throws for an answer that is not 2xx. */
  async call<T>(method: string, where: string, body?: unknown, contentType = 'application/json'): Promise<T> {
    const answer = await this.#fetch(method, where, body === undefined ? undefined : JSON.stringify(body), contentType);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${text.slice(0, 1000)}`);
    return JSON.parse(text) as T;
  }

  pid(program: Program): number {
    const pid = this.#running.get(program)?.pid;
    if (pid === undefined) throw new Error(`${program} does not run`);
    return pid;
  }

  log(program: Program): string {
    return readFileSync(path.join(this.folder, `${program}.log`), 'utf8');
  }

  /** Starts what was killed; resolves when it answers. */
  async run(program: Program): Promise<void> {
    const log = openSync(path.join(this.folder, `${program}.log`), 'a');
    // It dies with whoever started it, even by SIGKILL.
    const args = ['--pdeathsig', 'KILL', '--', this.#options.binary, program, ...this.#arguments(program)];
    const child = spawn('setpriv', args, { stdio: ['ignore', log, log], cwd: this.folder });
    closeSync(log);
    this.#running.set(program, child);
    child.once('exit', () => {
      if (this.#running.get(program) === child) this.#running.delete(program);
    });
    if (program === 'etcd') await this.#until('etcd', async () => (await fetch(`${this.etcdUrl}/health`)).ok);
    if (program === 'kube-apiserver') await this.#until('kube-apiserver', () => this.#answers('/readyz'));
  }

  async kill(program: Program, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#running.get(program);
    if (child === undefined) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** Ends everything and removes the folder. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((program) => this.kill(program)));
    await this.#agent.destroy();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #answers(where: string): Promise<boolean> {
    const answer = await this.#fetch('GET', where);
    await answer.arrayBuffer();
    return answer.ok;
  }

  #fetch(method: string, where: string, body?: string, contentType = 'application/json') {
    const headers = { authorization: 'Bearer admin-token', 'content-type': contentType };
    const signal = AbortSignal.timeout(READY_MS);
    return fetch(this.url + where, { method, headers, dispatcher: this.#agent, signal, ...(body ? { body } : {}) });
  }

  async #until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + READY_MS;
    while (!(await holds().catch(() => false))) {
      if (performance.now() > end)
        throw new Error(`${what} is not ready after ${READY_MS / 1000} s; see ${this.folder}`);
      await sleep(50);
    }
  }

  #writeFiles(): void {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const files = {
      'ca.crt': TEST_CA,
      'server.crt': SERVER_CERTIFICATE,
      'server.key': SERVER_KEY,
      'accounts.key': privateKey.export({ type: 'pkcs8', format: 'pem' }),
      'accounts.pub': publicKey.export({ type: 'spki', format: 'pem' }),
      'tokens.csv': tokens(this.#options.nodes),
      'audit.yaml': auditPolicy(),
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(this.folder, name), text);
    mkdirSync(path.join(this.folder, 'kubectl-cache'));
    const managed = ['kube-controller-manager', 'kube-scheduler'].map((user) => this.kubeconfig(user));
    writeFileSync(path.join(this.folder, 'scheduler.yaml'), schedulerConfig(managed[1]!));
  }

  #arguments(program: Program): string[] {
    const file = (name: string) => path.join(this.folder, name);
    const { etcd, peer, api } = this.#ports;
    const { nodeLostSeconds, evictSeconds } = this.#options;
    switch (program) {
      case 'etcd':
        return [
          ...['--name', 'one', '--data-dir', file('etcd'), '--unsafe-no-fsync', '--log-level', 'warn'],
          ...['--listen-client-urls', this.etcdUrl, '--advertise-client-urls', this.etcdUrl],
          ...['--listen-peer-urls', `http://127.0.0.1:${peer}`],
          ...['--initial-advertise-peer-urls', `http://127.0.0.1:${peer}`],
          ...['--initial-cluster', `one=http://127.0.0.1:${peer}`],
        ];
      case 'kube-apiserver':
        return [
          ...['--etcd-servers', `http://127.0.0.1:${etcd}`, '--secure-port', String(api)],
          ...['--bind-address', '127.0.0.1', '--advertise-address', '127.0.0.1'],
          // Loopback is refused as an endpoint of the service `kubernetes`.
          ...['--endpoint-reconciler-type', 'none', '--service-cluster-ip-range', '10.96.0.0/24'],
          ...['--tls-cert-file', file('server.crt'), '--tls-private-key-file', file('server.key')],
          ...['--client-ca-file', file('ca.crt'), '--token-auth-file', file('tokens.csv')],
          ...['--authorization-mode', 'Node,RBAC', '--enable-admission-plugins', 'NodeRestriction'],
          // Otherwise validation refuses privileged pods before pod security can.
          '--allow-privileged',
          ...['--service-account-issuer', 'https://kubernetes.default.svc'],
          ...['--service-account-key-file', file('accounts.pub')],
          ...['--service-account-signing-key-file', file('accounts.key')],
          ...['--default-not-ready-toleration-seconds', String(evictSeconds)],
          ...['--default-unreachable-toleration-seconds', String(evictSeconds)],
          ...['--audit-policy-file', file('audit.yaml'), '--audit-log-path', this.auditLog],
        ];
      case 'kube-controller-manager':
        return [
          ...['--kubeconfig', this.kubeconfig('kube-controller-manager'), '--leader-elect=false', '--secure-port', '0'],
          ...['--use-service-account-credentials', '--service-account-private-key-file', file('accounts.key')],
          ...['--root-ca-file', file('ca.crt'), '--kube-api-qps', '500', '--kube-api-burst', '1000'],
          ...['--node-monitor-period', '1s', '--node-monitor-grace-period', `${nodeLostSeconds}s`],
          ...['--node-startup-grace-period', '10s', '--controllers', CONTROLLERS],
        ];
      case 'kube-scheduler':
        return ['--config', file('scheduler.yaml'), '--secure-port', '0'];
    }
  }
}

/** `kubectl wait` fails at once where `conditions` is null, as in a definition until the API server has looked at its names: no kind else is written so. */
const isTooEarly = (args: readonly string[], stderr: string): boolean =>
  args.includes('wait') && stderr.includes('.status.conditions accessor error');

/** Free a moment ago: nothing reserves them. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
