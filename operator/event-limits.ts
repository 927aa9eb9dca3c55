/** Which Events are written: repetitions become a count, many similar ones become one, and an object that has too much to say is cut short. Limits of client-go's recorder. */
import type { Clock } from '../base/clock.ts';

/** An Event as it is asked for. */
export interface Occurrence {
  /** Of the object that it is about. */
  readonly uid: string;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

/** From here on events with the same reason and different notes are one. */
const SIMILAR = 10;
const SIMILAR_MS = 600_000;
/** At once, and one more after each wait, for one object. */
const BURST = 25;
const REFILL_MS = 300_000;
/** Objects, events and groups of similar events that are remembered: those named last. */
const REMEMBERED = 4096;

interface Bucket {
  readonly tokens: number;
  readonly atMs: number;
}

interface Group {
  readonly notes: Set<string>;
  readonly lastMs: number;
}

export class EventLimits {
  readonly #clock: Clock;
  readonly #buckets = new Recent<Bucket>();
  readonly #groups = new Recent<Group>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Under which key it is counted, and what is written; undefined when it is one too many for its object. */
  admit(event: Occurrence): { readonly key: string; readonly note: string } | undefined {
    const group = JSON.stringify([event.uid, event.type, event.reason, event.action]);
    const isOneOfMany = this.#isOneOfMany(group, event.note);
    if (!this.#takeToken(event.uid)) return undefined;
    return isOneOfMany
      ? { key: group, note: `(combined from similar events): ${event.note}` }
      : { key: `${group}${event.note}`, note: event.note };
  }

  #isOneOfMany(group: string, note: string): boolean {
    const nowMs = this.#clock.monotonic();
    const known = this.#groups.get(group);
    const notes = known !== undefined && nowMs - known.lastMs <= SIMILAR_MS ? known.notes : new Set<string>();
    notes.add(note);
    this.#groups.set(group, { notes, lastMs: nowMs });
    if (notes.size < SIMILAR) return false;
    notes.delete(note);
    return true;
  }

  #takeToken(uid: string): boolean {
    const nowMs = this.#clock.monotonic();
    const { tokens, atMs } = this.#buckets.get(uid) ?? { tokens: BURST, atMs: nowMs };
    const filled = Math.min(BURST, tokens + (nowMs - atMs) / REFILL_MS);
    this.#buckets.set(uid, { tokens: filled < 1 ? filled : filled - 1, atMs: nowMs });
    return filled >= 1;
  }
}

/** What was used last, by key, up to a bound. */
export class Recent<T> {
  readonly #entries = new Map<string, T>();

  get(key: string): T | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > REMEMBERED) this.#entries.delete(this.#entries.keys().next().value!);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
