/** A node of ours: it registers, shows that it lives, and runs the pods that the scheduler gives it as processes of this machine, with the rights of a real kubelet. */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NodeApi, removePod, type ApiAccess } from './api.ts';
import { NotYet } from './fields.ts';
import { HollowPods } from './hollow.ts';
import type { Image } from './images.ts';
import { LogServer } from './logs.ts';
import { heartbeat } from './node.ts';
import { PodRun, type NodeParts } from './pod.ts';
import type { Pod } from './types.ts';

export interface KubeletOptions {
  readonly name: string;
  readonly api: ApiAccess;
  readonly folder: string;
  /** By the name that pods call them. */
  readonly images: Readonly<Record<string, Image>>;
  /** Where pods find the API server; where the kubelet finds it, if absent. */
  readonly podsApiServer?: string;
  /** Runs no process: each pod is Ready at once, each Job's has succeeded. The node is tainted `kinlog.test/hollow`, so that only pods come that mean it. */
  readonly hollow?: boolean;
  /** How often files of ConfigMaps and Secrets are looked at, and what is missing is tried again. */
  readonly syncMs?: number;
  readonly backoffMs?: { readonly first: number; readonly most: number };
  /** Periods of probes are multiplied by it. */
  readonly periodFactor?: number;
}

/** A real kubelet looks once a minute, waits ten seconds and doubles that up to five minutes, and takes probes at their word. */
const DEFAULTS = { syncMs: 500, backoffMs: { first: 300, most: 5000 }, periodFactor: 0.2 };
const CONTROL_RETRY_MS = 500;

export class Kubelet {
  readonly #options: KubeletOptions;
  readonly #api: NodeApi;
  readonly #node: NodeParts;
  readonly #logs = new LogServer(() => this.pods);
  readonly #pods = new Map<string, PodRun>();
  readonly #hollow: HollowPods | undefined;
  readonly #stop = new AbortController();
  readonly #missingImages = new Set<string>();
  /** Pods whose deletion is not obeyed: `namespace/name`. */
  readonly #stuck = new Set<string>();
  readonly #waitingForDeletion = new Map<string, Pod>();
  readonly #running: Promise<unknown>;
  #address = 0;

  constructor(options: KubeletOptions) {
    this.#options = options;
    this.#api = new NodeApi(options.api);
    const { hostname: host, port } = new URL(options.podsApiServer ?? options.api.server);
    this.#node = {
      syncMs: options.syncMs ?? DEFAULTS.syncMs,
      backoffMs: options.backoffMs ?? DEFAULTS.backoffMs,
      periodFactor: options.periodFactor ?? DEFAULTS.periodFactor,
      api: this.#api,
      nodeName: options.name,
      folder: path.join(options.folder, 'pods'),
      image: (name) => this.#image(name),
      serviceHost: { host, port },
    };
    mkdirSync(this.#node.folder, { recursive: true });
    if (options.hollow === true) this.#hollow = new HollowPods(this.#api, this.#stop.signal);
    const mine = `/api/v1/pods?fieldSelector=spec.nodeName%3D${options.name}`;
    this.#running = Promise.all([
      heartbeat(
        this.#api,
        { name: options.name, hollow: options.hollow === true, logs: this.#logs.port },
        this.#stop.signal,
      ),
      this.#api.follow(
        mine,
        { changed: (pod) => this.#see(pod), gone: (uid) => void this.#forget(uid) },
        this.#stop.signal,
      ),
    ]);
  }

  get pods(): readonly PodRun[] {
    return [...this.#pods.values()];
  }

  /** By `namespace/name`, or by its beginning when only one pod has it. */
  pod(key: string): PodRun {
    const found = this.pods.filter(({ pod }) => keyOf(pod).startsWith(key));
    if (found.length !== 1) throw new RangeError(`${found.length} pods are called ${key}`);
    return found[0]!;
  }

  /** Ends all pods at once and the node's heartbeat; the Node object stays. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#logs.close();
    await Promise.all(this.pods.map((pod) => pod.abandon()));
    await this.#api.close();
    rmSync(this.#options.folder, { recursive: true, force: true });
  }

  /** As a node under pressure does: the pod fails, and its object stays. */
  async evict(key: string): Promise<void> {
    await this.pod(key).end(0, { reason: 'Evicted', message: 'The node was low on resource: memory.' });
  }

  image(name: string, there: boolean): void {
    if (there) this.#missingImages.delete(name);
    else this.#missingImages.add(name);
  }

  /** Until it is let go, the pod's deletion is not obeyed. */
  stick(key: string, stuck: boolean): void {
    const name = keyOf(this.pod(key).pod);
    if (stuck) this.#stuck.add(name);
    else this.#stuck.delete(name);
    const waiting = this.#waitingForDeletion.get(name);
    if (!stuck && waiting !== undefined) this.#see(waiting);
  }

  #image(name: string): Image {
    const image = this.#missingImages.has(name) ? undefined : this.#options.images[name];
    if (image === undefined) throw new NotYet('ImagePullBackOff', `Back-off pulling image "${name}": not found`);
    return image;
  }

  #see(pod: Pod): void {
    if (this.#hollow !== undefined) {
      this.#hollow.see(pod);
      return;
    }
    const { uid, deletionTimestamp } = pod.metadata;
    const known = this.#pods.get(uid);
    if (deletionTimestamp !== undefined) {
      if (this.#stuck.has(keyOf(pod))) this.#waitingForDeletion.set(keyOf(pod), pod);
      else void this.#delete(pod, known);
    } else if (known !== undefined) known.see(pod);
    else if (pod.status?.phase !== 'Failed' && pod.status?.phase !== 'Succeeded')
      this.#pods.set(uid, new PodRun(pod, this.#nextAddress(), this.#node));
  }

  async #delete(pod: Pod, known: PodRun | undefined): Promise<void> {
    const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds) * 1000;
    await known?.end(graceMs);
    while (!this.#stop.signal.aborted) {
      try {
        await removePod(this.#api, pod);
        return;
      } catch {
        await sleep(CONTROL_RETRY_MS);
      }
    }
  }

  /** Its object is gone, in order or by force. */
  async #forget(uid: string): Promise<void> {
    this.#hollow?.forget(uid);
    const known = this.#pods.get(uid);
    if (known === undefined) return;
    await known.end(known.pod.spec.terminationGracePeriodSeconds * 1000);
    this.#pods.delete(uid);
    rmSync(known.folder, { recursive: true, force: true });
  }

  /** Out of 127.0.0.0/8, other for each process, so that kubelets of several tests do not meet. */
  #nextAddress(): string {
    const used = new Set(this.pods.map(({ podIp }) => podIp));
    const net = process.pid % (192 * 256);
    for (;;) {
      this.#address = (this.#address % 254) + 1;
      const address = `127.${64 + Math.floor(net / 256)}.${net % 256}.${this.#address}`;
      if (!used.has(address)) return address;
    }
  }
}

const keyOf = ({ metadata }: Pod): string => `${metadata.namespace}/${metadata.name}`;
