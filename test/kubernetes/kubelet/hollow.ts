/** Pods without processes, by the thousand: Ready as soon as they are seen, gone as soon as they are asked to. */
import { setTimeout as sleep } from 'node:timers/promises';
import { removePod, unless, type NodeApi } from './api.ts';
import { now, type Pod } from './types.ts';

/** Of calls to the server that are under way, so that thousands of pods do not open thousands of connections. */
const AT_ONCE = 32;
const RETRY_MS = 500;

export class HollowPods {
  readonly #api: NodeApi;
  readonly #signal: AbortSignal;
  readonly #podIp: string | undefined;
  readonly #told = new Map<string, 'ready' | 'deleted'>();
  readonly #due: Pod[] = [];
  #calls = 0;
  #address = 0;

  /** `podIp`: of all pods, where somebody answers for them; each has one of its own without it, and nobody listens there. */
  constructor(api: NodeApi, signal: AbortSignal, podIp?: string) {
    this.#api = api;
    this.#signal = signal;
    this.#podIp = podIp;
  }

  see(pod: Pod): void {
    const { uid, deletionTimestamp } = pod.metadata;
    const want = deletionTimestamp === undefined ? 'ready' : 'deleted';
    if (this.#told.get(uid) === want && !(want === 'ready' && isDenied(pod))) return;
    this.#told.set(uid, want);
    this.#due.push(pod);
    void this.#work();
  }

  forget(uid: string): void {
    this.#told.delete(uid);
  }

  async #work(): Promise<void> {
    if (this.#calls >= AT_ONCE) return;
    this.#calls++;
    for (let pod = this.#due.shift(); pod !== undefined && !this.#signal.aborted; pod = this.#due.shift()) {
      try {
        await this.#tell(pod);
      } catch {
        this.#due.push(pod);
        await sleep(RETRY_MS);
      }
    }
    this.#calls--;
  }

  async #tell(pod: Pod): Promise<void> {
    if (pod.metadata.deletionTimestamp !== undefined) {
      await removePod(this.#api, pod);
      return;
    }
    const { name, namespace, uid } = pod.metadata;
    const status = this.#status(pod);
    await this.#api
      .call('PATCH', `/api/v1/namespaces/${namespace}/pods/${name}/status`, { metadata: { uid }, status })
      .catch(unless(404, 409));
  }

  #nextAddress(): string {
    const address = this.#address++ % (254 * 256 * 64);
    return `127.${Math.floor(address / (254 * 256))}.${Math.floor(address / 254) % 256}.${(address % 254) + 1}`;
  }

  #status({ metadata, spec }: Pod): object {
    const time = now();
    const ends = spec.restartPolicy !== 'Always';
    const on = (type: string, yes: boolean) => ({ type, status: yes ? 'True' : 'False', lastTransitionTime: time });
    const terminated = { exitCode: 0, reason: 'Completed', startedAt: time, finishedAt: time };
    const podIP = this.#podIp ?? this.#nextAddress();
    return {
      observedGeneration: metadata.generation,
      phase: ends ? 'Succeeded' : 'Running',
      startTime: time,
      hostIP: '127.0.0.1',
      podIP,
      podIPs: [{ ip: podIP }],
      conditions: [on('Initialized', true), on('ContainersReady', !ends), on('Ready', !ends)],
      containerStatuses: spec.containers.map(({ name, image }) => ({
        ...{ name, image, imageID: image, ready: !ends, started: !ends, restartCount: 0, lastState: {} },
        state: ends ? { terminated } : { running: { startedAt: time } },
      })),
    };
  }
}

/** Somebody says that it is not ready: the controller-manager does so for a node that was silent. */
function isDenied({ spec, status }: Pod): boolean {
  if (spec.restartPolicy !== 'Always') return false;
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'False') ?? false;
}
