/** A cluster in memory with one operator: what tests of a reconcile need, without time, processes or a network. */
import { silentLog } from '../../../../base/events.ts';
import { CHILD_KINDS, REFERENCE_KINDS, type Caches } from '../../../../operator/caches.ts';
import { Cache } from '../../../../operator/kube/cache.ts';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import { slim } from '../../../../operator/kube/list.ts';
import type { KubeObject, ResourceKind } from '../../../../operator/kube/object.ts';
import type { LogStream, LogStreamSpec } from '../../../../operator/logstream.ts';
import type { Recorder } from '../../../../operator/recorder.ts';
import { worthOfPod } from '../../../../operator/reconcile/pods.ts';
import { Reconciler } from '../../../../operator/reconcile/reconcile.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { FakeKube } from '../../../fakes/kubernetes/server.ts';

export const NAMESPACE = 'logs';
export const KEY = `${NAMESPACE}/orders`;

export interface Told {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
}

/** One process of the operator: its caches hold what was there at the last `look`. */
class Operator {
  readonly caches: Caches = emptyCaches();
  readonly reconciler: Reconciler;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    const readers = {
      facts: () => undefined,
      firstWordMs: () => world.firstWordMs,
      watch: () => undefined,
      forget: () => undefined,
    };
    const event = (...[, type, reason, , note]: Parameters<Recorder['event']>) =>
      void world.told.push({ type, reason, note });
    this.reconciler = new Reconciler({
      api: world.kube,
      caches: this.caches,
      settings: { image: 'kinlog:test', podMonitors: false },
      readers: readers as never,
      recorder: { event },
      clock: world.clock,
      log: silentLog(),
      onNews: (key) => void world.woken.push(key),
    });
  }

  /** What the reflectors would have told by now. */
  look(): void {
    const { caches } = this;
    this.#fill(caches.logStreams as unknown as Cache<KubeObject>, KINDS.logStream, () => true);
    this.#fill(
      caches.pods,
      KINDS.pod,
      ({ labels }) => labels?.['app.kubernetes.io/name'] === 'kinlog-reader',
      worthOfPod,
    );
    const isManaged = ({ labels }: KubeObject['metadata']) =>
      labels?.['app.kubernetes.io/managed-by'] === 'kinlog-operator';
    for (const kind of CHILD_KINDS) this.#fill(caches.children[kind], KINDS[kind], isManaged);
    for (const kind of REFERENCE_KINDS) {
      const cache = caches.references[kind];
      if (cache !== undefined)
        this.#fill(
          cache,
          KINDS[kind],
          () => true,
          ({ metadata }) => ({ metadata }) as KubeObject,
        );
    }
  }

  #fill(
    cache: Cache<KubeObject>,
    kind: ResourceKind,
    isThere: (metadata: KubeObject['metadata']) => boolean,
    view: (object: KubeObject) => KubeObject = (object) => object,
  ): void {
    const objects = this.#world.kube.all(kind).filter(({ metadata }) => isThere(metadata));
    const uids = new Set(objects.map(({ metadata }) => metadata.uid));
    for (const object of [...cache.list()]) if (!uids.has(object.metadata.uid)) cache.remove(object);
    for (const object of objects) cache.put(slim(view(structuredClone(object)), kind));
  }

  async pass(key = KEY): Promise<{ requeueAfterMs?: number }> {
    return this.reconciler.reconcile(key, new AbortController().signal);
  }
}

export class World {
  /** How long the reader's first word is worth waiting for. */
  firstWordMs = 0;
  readonly kube = new FakeKube();
  readonly clock = new FakeClock();
  readonly told: Told[] = [];
  /** Keys that one LogStream's change asked to be looked at. */
  readonly woken: string[] = [];
  operator = new Operator(this);

  /** A process that knows nothing yet takes the place of the one before. */
  restart(): void {
    this.operator = new Operator(this);
  }

  create(spec: Partial<LogStreamSpec> = {}, metadata: Partial<LogStream['metadata']> = {}): LogStream {
    const object = {
      apiVersion: 'kinlog.io/v1alpha1',
      kind: 'LogStream',
      metadata: { namespace: NAMESPACE, name: 'orders', ...metadata },
      spec: { ...SPEC, ...spec },
    };
    return this.kube.put(KINDS.logStream, object) as LogStream;
  }

  get stream(): LogStream {
    return this.kube.get(KINDS.logStream, NAMESPACE, 'orders') as LogStream;
  }

  edit(spec: Partial<LogStreamSpec>): void {
    this.kube.put(KINDS.logStream, { ...this.stream, spec: { ...this.stream.spec, ...spec } });
  }

  annotate(annotations: Record<string, string>): void {
    this.kube.put(KINDS.logStream, { ...this.stream, metadata: { ...this.stream.metadata, annotations } });
  }

  child(kind: ResourceKind, name = 'orders-reader'): KubeObject | undefined {
    return this.kube.get(kind, NAMESPACE, name);
  }

  get deployment(): Deployment | undefined {
    return this.child(KINDS.deployment) as Deployment | undefined;
  }

  /** `PATCH /apis/…`, from the `count`-th write on. */
  writesSince(count: number): string[] {
    return this.kube.writes.slice(count).map(({ method, path }) => `${method} ${path}`);
  }

  /** A LogStream whose reader is ready; answers how many writes that took. */
  async running(spec: Partial<LogStreamSpec> = {}): Promise<number> {
    this.create(spec);
    await this.settle();
    this.run();
    await this.settle();
    if (this.condition('Ready')?.reason !== 'Running') throw new Error(JSON.stringify(this.stream.status));
    return this.kube.writes.length;
  }

  secret(name = 'splunk', data: Record<string, string> = { token: 'c2VjcmV0' }): void {
    this.kube.put(KINDS.secret, { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: NAMESPACE, name }, data });
  }

  /** Passes until one writes nothing; what it asked for is returned. */
  async settle(): Promise<{ requeueAfterMs?: number }> {
    for (let i = 0; i < 20; i++) {
      const before = this.kube.writes.length;
      this.operator.look();
      const asked = await this.operator.pass();
      if (this.kube.writes.length === before) return asked;
    }
    throw new Error('twenty passes, and each wrote something');
  }

  condition(type: string): { status: string; reason: string; message: string } | undefined {
    return this.stream.status?.conditions?.find((one) => one.type === type);
  }

  /** What the Deployment's controller and a kubelet do in time: pods as many as wanted, all of them ready. */
  run(): void {
    const { deployment } = this;
    for (const pod of this.kube.all(KINDS.pod)) this.kube.remove(KINDS.pod, NAMESPACE, pod.metadata.name);
    if (deployment === undefined) return;
    const { replicas } = deployment.spec;
    for (let i = 0; i < replicas; i++) this.#pod(deployment);
    const counts = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
    const status = { observedGeneration: deployment.metadata.generation, ...counts };
    this.kube.put(KINDS.deployment, { ...deployment, status });
  }

  #pod({ metadata, spec }: Deployment): void {
    const status = { podIP: '127.0.0.9', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [] };
    this.kube.put(KINDS.pod, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        namespace: NAMESPACE,
        name: `orders-reader-${metadata.generation!}`,
        labels: spec.template.metadata.labels,
      },
      spec: spec.template.spec,
      status,
    });
  }
}

interface Deployment extends KubeObject {
  readonly spec: {
    readonly replicas: number;
    readonly template: { readonly metadata: { readonly labels: Record<string, string> }; readonly spec: object };
  };
}

function emptyCaches(): Caches {
  const cacheOf = <K extends string>(kinds: readonly K[]) =>
    Object.fromEntries(kinds.map((kind) => [kind, new Cache<KubeObject>()])) as Record<K, Cache<KubeObject>>;
  return {
    logStreams: new Cache<LogStream>(),
    pods: new Cache<KubeObject>(),
    children: cacheOf(CHILD_KINDS),
    references: cacheOf(REFERENCE_KINDS),
  };
}

/** As the schema fills it in. */
export const SPEC: LogStreamSpec = {
  source: {
    streamName: 'orders',
    region: 'eu-central-1',
    mode: 'Polling',
    startPosition: { type: 'Latest' },
    onLostPosition: { type: 'Stop' },
  },
  checkpoint: {
    type: 'DynamoDB',
    intervalSeconds: 1,
    leasePeriodSeconds: 10,
    dynamoDB: { createTable: 'IfMissing', keys: 'Shard' },
  },
  outputs: [
    {
      name: 'splunk',
      type: 'SplunkHEC',
      splunkHEC: {
        urls: ['https://splunk:8088'],
        tokenSecretRef: { name: 'splunk', key: 'token' },
        acknowledgement: { mode: 'Required' },
      },
    },
  ],
  replicas: 1,
  paused: false,
  deletionPolicy: 'Retain',
  updateStrategy: 'Recreate',
  logLevel: 'Info',
  monitoring: { podMonitor: 'Auto', lagThresholdSeconds: 60 },
  serviceAccount: { create: true },
};
