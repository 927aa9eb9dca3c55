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
  count: number;
  lastMs: number;
  nextMs: number;
}

export class Contest {
  /** By uid, the one repaired longest ago first. */
  readonly #repairs = new Map<string, Repairs>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until `child` may be brought back to the state that `hash` names; 0: now, and it is counted. A state that was not applied before is no repair. */
  waitMs(child: KubeObject, hash: string): number {
    const now = this.#clock.monotonic();
    this.#sweep(now);
    const uid = child.metadata.uid!;
    const known = this.#repairs.get(uid);
    if (known?.hash !== hash) {
      this.#keep(uid, { hash, count: 0, lastMs: now, nextMs: now });
      return 0;
    }
    if (known.nextMs > now) return known.nextMs - now;
    known.count++;
    known.lastMs = now;
    if (known.count >= AT_ONCE)
      known.nextMs = now + Math.min(FIRST_PAUSE_MS * 2 ** (known.count - AT_ONCE), LONGEST_PAUSE_MS);
    this.#keep(uid, known);
    return 0;
  }

  /** The repair that was just made is one too many: worth telling, each time the pause has grown. */
  isContested(child: KubeObject): boolean {
    return (this.#repairs.get(child.metadata.uid!)?.count ?? 0) >= AT_ONCE;
  }

  #keep(uid: string, repairs: Repairs): void {
    this.#repairs.delete(uid);
    this.#repairs.set(uid, repairs);
  }

  #sweep(now: number): void {
    for (const [uid, { lastMs }] of this.#repairs) {
      if (lastMs + FORGOTTEN_MS > now) return;
      this.#repairs.delete(uid);
    }
  }
}
