/** A cluster in memory in which operators run, each with passes that the test decides about. */
import { EventLog, type LogLine } from '../../../../base/events.ts';
import { parseCommandLine } from '../../../../cli/options.ts';
import { KubeError, type ApiCall, type KubeApi } from '../../../../operator/kube/api.ts';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { Operator, type PassParts, type Passes } from '../../../../operator/operator.ts';
import { OPERATOR_SPEC, type OperatorOptions } from '../../../../operator/options.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeKube } from '../../../fakes/kubernetes/server.ts';

export const SPEC = {
  source: { streamName: 'orders', mode: 'Polling' },
  checkpoint: { type: 'LevelDB' },
  outputs: [{ name: 'hec', type: 'SplunkHEC', splunkHEC: { tokenSecretRef: { name: 'hec', key: 'token' }, urls: [] } }],
  serviceAccount: { create: true },
};

const MONITORS = '/apis/monitoring.coreos.com/v1';

const optionsOf = (...argv: string[]): OperatorOptions => {
  const listen = ['--metrics-listen=127.0.0.1:0', '--probes-listen=127.0.0.1:0', '--reader-image=kinlog:1'];
  const line = parseCommandLine(OPERATOR_SPEC, [...listen, ...argv], {});
  if (line.kind === 'help') throw new Error('no options');
  return line.values;
};

const missingPath = (path: string) =>
  new KubeError(`GET ${path}: 404 page not found`, { sort: 'transport', status: 404 });

export class Cluster {
  readonly kube = new FakeKube();
  readonly clock = new FakeClock();
  crd = true;
  monitors = false;
  readonly #running: Program[] = [];

  constructor() {
    this.kube.intercept = ({ path }) => {
      if (path.includes('/logstreams') && !this.crd) throw missingPath(path);
    };
  }

  stream(name: string, more: object = {}, namespace = 'logs'): void {
    const metadata = { name, namespace, generation: 1 };
    this.kube.put(KINDS.logStream, {
      apiVersion: 'kinlog.io/v1alpha1',
      kind: 'LogStream',
      metadata,
      spec: SPEC,
      ...more,
    });
  }

  start(...argv: string[]): Program {
    const program = new Program(this, optionsOf(...argv));
    this.#running.push(program);
    return program;
  }

  async end(): Promise<void> {
    for (const program of this.#running) await program.end();
  }
}

export class Program {
  readonly lines: LogLine[] = [];
  readonly passed: string[] = [];
  readonly stop = new AbortController();
  readonly done: Promise<unknown>;
  readonly #cluster: Cluster;
  parts!: PassParts;
  outcome: 'runs' | 'stopped' | 'failed' = 'runs';
  failure: unknown;
  pass: (key: string, signal: AbortSignal) => Promise<{ requeueAfterMs?: number }> = async () => ({});
  /** Nothing it asks is answered any more. */
  cut = false;

  constructor(cluster: Cluster, options: OperatorOptions) {
    this.#cluster = cluster;
    const log = new EventLog((line) => this.lines.push(line));
    const passes = (parts: PassParts): Passes => {
      this.parts = parts;
      return {
        reconcile: (key, signal) => {
          this.passed.push(key);
          return this.pass(key, signal);
        },
        run: () => Promise.resolve(),
      };
    };
    const operator = new Operator({
      options,
      client: (onRequest) => this.#client(onRequest),
      namespace: 'system',
      identity: 'pod',
      version: '1.2.3',
      clock: cluster.clock,
      log,
      passes,
    });
    this.done = operator.run(this.stop.signal).then(
      () => (this.outcome = 'stopped'),
      (error: unknown) => {
        this.outcome = 'failed';
        this.failure = error;
      },
    );
  }

  #client(onRequest: (seen: { method: string; status: number; ms: number; host: string }) => void): KubeApi {
    const { kube } = this.#cluster;
    return {
      call: async (call: ApiCall, signal?: AbortSignal) => {
        onRequest({ method: call.method, status: this.cut ? 0 : 200, ms: 1, host: 'api' });
        if (this.cut) throw new KubeError('no answer', { sort: 'transport', status: 0 });
        if (call.path !== MONITORS) return kube.call(call, signal);
        if (!this.#cluster.monitors) throw missingPath(MONITORS);
        return { resources: [{ name: 'podmonitors' }] } as never;
      },
      watch: (call, signal) => kube.watch(call, signal),
      close: () => Promise.resolve(),
    };
  }

  said(name: string): LogLine | undefined {
    return this.lines.find((line) => line.name === name);
  }

  async until(name: string): Promise<LogLine> {
    await this.#cluster.clock.until(() => this.said(name) !== undefined, 60_000);
    return this.said(name)!;
  }

  async get(what: 'metrics' | 'probes', path: string): Promise<{ status: number; body: string }> {
    const address = String(this.said('operator.started')!.fields[what]);
    const answer = await fetch(`http://${address}${path}`);
    return { status: answer.status, body: await answer.text() };
  }

  async end(): Promise<void> {
    this.stop.abort(new DOMException('stopped', 'AbortError'));
    await this.#cluster.clock.until(() => this.outcome !== 'runs');
    await this.done;
  }
}
