/** What a reflector does about failures: waits longer and longer, and says seldom what is wrong. */
import type { Clock } from '../../base/clock.ts';
import type { EventLog } from '../../base/events.ts';
import { Reminder } from '../../base/reminder.ts';
import type { KubeError } from './api.ts';
import type { Reach } from './reach.ts';

/** As client-go's reflector: doubled with every failure, and from the start again after two minutes without one. */
const BACKOFF = { firstMs: 800, ceilingMs: 30_000, healthyMs: 120_000 };
/** A server that restarts is worth no line. */
const SILENT_MS = 30_000;

interface TroubleParts {
  readonly reach: Reach;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly random: () => number;
}

export class Trouble {
  readonly #about: { readonly kind: string; readonly namespace: string | undefined };
  readonly #reach: Reach;
  readonly #clock: Clock;
  readonly #log: EventLog;
  readonly #random: () => number;
  #attempt = 0;
  #waitedAtMs = -Infinity;
  /** When a wait was last ended early. */
  #hurriedAtMs = -Infinity;
  /** Begin of the failures that nothing good has interrupted. */
  #sinceMs: number | undefined;
  readonly #reminder: Reminder;

  constructor(
    about: { readonly kind: string; readonly namespace: string | undefined },
    { reach, clock, log, random }: TroubleParts,
  ) {
    this.#about = about;
    this.#reach = reach;
    this.#clock = clock;
    this.#log = log;
    this.#random = random;
    this.#reminder = new Reminder(clock);
  }

  /** Says at once what only a person can change, anything else when it lasts; then every five minutes. Settles when it may be tried again; rejects when the signal aborts. */
  async failed(error: KubeError, signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    this.#sinceMs ??= now;
    const fields = { ...this.#about, sort: error.sort, error: error.message };
    const lasting = error.sort === 'forbidden' || error.sort === 'unauthorized' || now - this.#sinceMs >= SILENT_MS;
    if (!lasting) this.#log.emit('watch.broken', fields);
    else if (this.#reminder.due()) this.#log.emit('watch.stalled', fields);
    else this.#log.repeat('watch.stalled');
    await this.#wait(error.retryAfterMs ?? 0, signal);
  }

  /** Something was heard of the server. */
  over(): void {
    this.#sinceMs = undefined;
    if (this.#reminder.over()) this.#log.emit('watch.resumed', this.#about);
  }

  /** The shortest wait. Rejects when the signal aborts. */
  shortly(signal: AbortSignal): Promise<void> {
    return this.#clock.sleep(this.#jittered(BACKOFF.firstMs), signal);
  }

  async #wait(retryAfterMs: number, signal: AbortSignal): Promise<void> {
    if (this.#clock.monotonic() - this.#waitedAtMs >= BACKOFF.healthyMs) this.#attempt = 0;
    const full = Math.min(BACKOFF.ceilingMs, BACKOFF.firstMs * 2 ** Math.min(this.#attempt++, 20));
    try {
      await this.#clock.sleep(retryAfterMs, signal);
      await this.#rest(Math.max(0, this.#jittered(full) - retryAfterMs), signal);
    } finally {
      this.#waitedAtMs = this.#clock.monotonic();
    }
  }

  /**
   * What the server's return ends, whoever saw it; then all is as after a first failure. Not more often than the longest wait is long:
   * others may be answered all the time where we never are.
   */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    const mayHurry = this.#clock.monotonic() - this.#hurriedAtMs >= BACKOFF.ceilingMs;
    if (!mayHurry) return this.#clock.sleep(ms, signal);
    if (!(await this.#reach.back(ms, signal))) return;
    this.#hurriedAtMs = this.#clock.monotonic();
    this.#attempt = 1;
    await this.shortly(signal);
  }

  /** Once to twice as long, so that clients which failed together do not come back together. */
  #jittered(ms: number): number {
    return Math.round(ms * (1 + this.#random()));
  }
}
