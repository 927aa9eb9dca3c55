/** How often a child may be repaired: somebody who keeps changing the same fields back must not be answered without end. */
import type { Clock } from '../../base/clock.ts';
import type { KubeObject } from '../kube/object.ts';

/** So many repairs at once; afterwards the pauses double. */
const AT_ONCE = 3;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
/** So long without a repair, and it is forgotten. */
const FORGOTTEN_MS = 600_000;

interface Repairs {
  readonly hash: string;
  readonly count: number;
  readonly lastMs: number;
  readonly nextMs: number;
}

export class Contest {
  /** By uid, the one repaired longest ago first. */
  readonly #repairs = new Map<string, Repairs>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until `child` may be brought back to the state that `hash` names; 0: now. A state that was not applied before is no repair. */
  waitMs(child: KubeObject, hash: string): number {
    const now = this.#clock.monotonic();
    return Math.max(0, (this.#of(child, hash)?.nextMs ?? now) - now);
  }

  /** The next repair is one too many: worth telling, each time the pause has grown. */
  isContested(child: KubeObject, hash: string): boolean {
    return (this.#of(child, hash)?.count ?? 0) + 1 >= AT_ONCE;
  }

  /** `child` is now what `hash` names; what was refused does not count. */
  applied(child: KubeObject, hash: string): void {
    const now = this.#clock.monotonic();
    const known = this.#of(child, hash);
    const count = known === undefined ? 0 : known.count + 1;
    const pauseMs = count < AT_ONCE ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (count - AT_ONCE), LONGEST_PAUSE_MS);
    this.#repairs.delete(child.metadata.uid!);
    this.#repairs.set(child.metadata.uid!, { hash, count, lastMs: now, nextMs: now + pauseMs });
  }

  #of({ metadata }: KubeObject, hash: string): Repairs | undefined {
    this.#sweep(this.#clock.monotonic());
    const known = this.#repairs.get(metadata.uid!);
    return known?.hash === hash ? known : undefined;
  }

  #sweep(now: number): void {
    for (const [uid, { lastMs }] of this.#repairs) {
      if (lastMs + FORGOTTEN_MS > now) return;
      this.#repairs.delete(uid);
    }
  }
}
