/** A reflector of the ConfigMaps of one namespace behind a proxy, and what it has told. */
import { expect } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { EventLog } from '../../base/events.ts';
import type { KubeApi } from '../../operator/kube/api.ts';
import { applyObject, deleteObject } from '../../operator/kube/apply.ts';
import { Cache } from '../../operator/kube/cache.ts';
import { kubeClient } from '../../operator/kube/client.ts';
import { connect } from '../../operator/kube/connection.ts';
import { KINDS } from '../../operator/kube/kinds.ts';
import { listPages } from '../../operator/kube/list.ts';
import type { KubeObject } from '../../operator/kube/object.ts';
import { Reach } from '../../operator/kube/reach.ts';
import { Reflector } from '../../operator/kube/reflector.ts';
import { until } from '../flow/cli-process.ts';
import type { ControlPlane } from './controlplane.ts';
import { FaultProxy } from './fault-proxy.ts';

/** Instead of 90 s, so that a test can wait for it. */
const IDLE_MS = 2_000;
/** More than the backoff of client-go ever asks for in a test, and far from a loop. */
const CALLS_PER_SECOND = 3;
const FORCE = { force: true };
/** Others make ConfigMaps in every namespace too. */
const LABELS = { follow: 'yes' };
const labelSelector = 'follow=yes';
const forever = new AbortController().signal;

export class Follower {
  readonly namespace: string;
  readonly proxy: FaultProxy;
  readonly cache = new Cache<KubeObject>();
  readonly told: string[] = [];
  readonly lines: string[] = [];
  /** Made of nothing but what was told. */
  readonly #mirror = new Map<string, string>();
  /** Past the proxy. */
  readonly #direct: KubeApi;
  readonly #api: KubeApi;
  readonly #stop = new AbortController();
  readonly #begun = performance.now();
  #run: Promise<void> | undefined;

  private constructor(parts: {
    readonly plane: ControlPlane;
    readonly direct: KubeApi;
    readonly namespace: string;
    readonly proxy: FaultProxy;
    readonly api: KubeApi;
  }) {
    this.namespace = parts.namespace;
    this.proxy = parts.proxy;
    this.#direct = parts.direct;
    this.#api = parts.api;
    this.cache.onChange(({ type, object: { metadata } }) => {
      this.told.push(`${type} ${metadata.name}`);
      if (type === 'deleted') expect(this.#mirror.get(metadata.name)?.split('@')[0]).toBe(metadata.uid);
      if (type === 'added') expect(this.#mirror.has(metadata.name)).toBe(false);
      if (type === 'deleted') this.#mirror.delete(metadata.name);
      else this.#mirror.set(metadata.name, versionOf({ metadata }));
    });
  }

  static async start(plane: ControlPlane, direct: KubeApi, namespace: string): Promise<Follower> {
    plane.kubectl(['create', 'namespace', namespace]);
    const proxy = await FaultProxy.start(() => plane.url);
    const connection = await connect(plane.kubeconfig('admin', proxy.url));
    const limits = { watchIdleMs: IDLE_MS };
    const api = kubeClient(connection, { log: new EventLog(() => undefined), limits });
    return new Follower({ plane, direct, namespace, proxy, api });
  }

  /** Without waiting for the first listing. */
  begin(api = this.#api): Reflector<KubeObject> {
    const { namespace, cache } = this;
    // The shortest waits that there are.
    const random = () => 0;
    const log = new EventLog(({ name, fields }) => this.lines.push(`${name} ${String(fields['sort'])}`));
    const what = { kind: KINDS.configMap, namespace, labelSelector };
    const reflector = new Reflector({
      api,
      ...what,
      cache,
      reach: new Reach(systemClock),
      clock: systemClock,
      log,
      random,
    });
    this.#run = reflector.run(this.#stop.signal);
    return reflector;
  }

  /** With some objects, and a watch that is open. */
  async follow(names: readonly string[] = []): Promise<void> {
    for (const name of names) await this.put(name);
    await this.begin().synced;
    await until(() => this.proxy.watching === 1, 'the watch is open');
  }

  put(name: string, data: Record<string, string> = { at: String(Math.random()) }): Promise<KubeObject> {
    const metadata = { namespace: this.namespace, name, labels: LABELS };
    return applyObject(
      this.#direct,
      KINDS.configMap,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data },
      FORCE,
      forever,
    );
  }

  async remove(name: string): Promise<void> {
    const where = { namespace: this.namespace, name };
    await deleteObject(this.#direct, KINDS.configMap, where, { propagation: 'Background' }, forever);
  }

  async listed(): Promise<string[]> {
    const versions: string[] = [];
    for await (const { items } of listPages(
      this.#direct,
      KINDS.configMap,
      { namespace: this.namespace, labelSelector },
      forever,
    ))
      versions.push(...items.map(versionOf));
    return versions.sort();
  }

  /** The invariant. */
  async converges(limitMs = 40_000): Promise<void> {
    const cached = () => [...this.cache.list()].map(versionOf).sort();
    await until(async () => JSON.stringify(await this.listed()) === JSON.stringify(cached()), 'equal', limitMs);
    expect([...this.#mirror.values()].sort()).toEqual(cached());
  }

  async stop(): Promise<void> {
    const seconds = (performance.now() - this.#begun) / 1000;
    this.#stop.abort();
    await this.#run;
    await this.#api.close();
    await this.proxy.stop();
    expect(this.proxy.seen.length, `calls in ${seconds} s`).toBeLessThan(10 + seconds * CALLS_PER_SECOND);
  }
}

const versionOf = ({ metadata }: Pick<KubeObject, 'metadata'>): string => `${metadata.uid}@${metadata.resourceVersion}`;
