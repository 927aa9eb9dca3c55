/** Candidates for one Lease, on an API server in memory and a clock of the test's. */
import { isAbort } from '../../../../base/clock.ts';
import { silentLog } from '../../../../base/events.ts';
import type { KubeObject } from '../../../../operator/kube/object.ts';
import { Leader } from '../../../../operator/leader.ts';
import { FakeClock } from '../../../fakes/clock.ts';
import { ObjectsApi } from './objects-api.ts';

export const PATH = '/apis/coordination.k8s.io/v1/namespaces/system/leases/kinlog-operator';

export interface Spec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly renewTime?: string;
  readonly acquireTime?: string;
  readonly leaseTransitions?: number;
}

export class Scene {
  readonly api = new ObjectsApi();
  readonly clock = new FakeClock();
  #state: number;

  constructor(seed = 1) {
    this.#state = seed;
  }

  /** Numerical Recipes' generator: the same numbers for the same seed. */
  readonly #random = (): number => {
    this.#state = (this.#state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return this.#state / 2 ** 32;
  };

  candidate(identity: string, clock = this.clock): Candidate {
    const parts = { api: this.api, namespace: 'system', name: 'kinlog-operator', identity, clock, log: silentLog() };
    return new Candidate(new Leader({ ...parts, random: this.#random }));
  }

  get spec(): Spec {
    return (this.api.objects.get(PATH) as unknown as { spec?: Spec } | undefined)?.spec ?? {};
  }

  /** Somebody else writes the Lease. */
  write(spec: Spec): void {
    const there = this.api.objects.get(PATH);
    const metadata = there?.metadata ?? { name: 'kinlog-operator', namespace: 'system' };
    this.api.put(PATH, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec } as KubeObject);
  }
}

export class Candidate {
  readonly leader: Leader;
  readonly stop = new AbortController();
  state: 'waits' | 'leads' | 'lost' | 'ended' = 'waits';
  readonly done: Promise<void>;

  constructor(leader: Leader) {
    this.leader = leader;
    this.done = this.#run().catch((error: unknown) => {
      this.state = isAbort(error) ? 'ended' : 'lost';
    });
  }

  async #run(): Promise<void> {
    await this.leader.acquire(this.stop.signal);
    this.state = 'leads';
    await this.leader.hold(this.stop.signal);
    this.state = 'ended';
  }

  async end(): Promise<void> {
    this.stop.abort();
    await this.done;
  }
}

/** For `hold`: until whoever called has given up; it is carried out then. */
export const aborted = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => signal?.addEventListener('abort', () => resolve()));

/** For `hold`: as on a connection that died without a word. */
export const unanswered = async (signal: AbortSignal | undefined): Promise<void> => {
  await aborted(signal);
  throw signal!.reason as Error;
};
