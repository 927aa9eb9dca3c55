/** Tells people, once and not with every try, whether an output takes events: from its first answer on, when it does not, why, and when it does again. */
import type { Clock } from '../../base/clock.ts';
import { describeError, type KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import { Reminder } from '../../base/reminder.ts';

export interface WatchParts {
  readonly log: EventLog;
  readonly clock: Clock;
  /** Aborts when the output is over. */
  readonly over: AbortSignal;
  /** So long without an acceptance while something waits. */
  readonly stalledAfterMs: number;
}

export class OutputWatch {
  readonly #parts: WatchParts;
  #waiting = 0;
  #accepted = 0;
  #watching = false;
  #stalled = false;
  #opened = false;
  /** Until what refused takes events again. */
  readonly #refusals = new Map<string, { readonly remedy: string; readonly reminder: Reminder }>();

  /** The first answer is waited for as an event is. */
  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.begin();
  }

  /** It has answered that it takes events; what it says after the first time makes no difference. */
  opened(): void {
    if (this.#opened) return;
    this.#opened = true;
    this.#parts.log.emit('output.opened');
    this.end();
    this.accepted();
  }

  /** Somebody waits for the output. */
  begin(): void {
    this.#waiting++;
    if (!this.#watching) void this.#watch();
  }

  /** And does not wait any more. */
  end(): void {
    this.#waiting--;
  }

  accepted(): void {
    this.#accepted++;
    if (!this.#stalled) return;
    this.#stalled = false;
    this.#parts.log.emit('output.resumed');
  }

  /** A person must act. `by`: who refuses. What has the same remedy is the same, whoever put it how. */
  refused(by: string, error: KinlogError): void {
    const { log, clock } = this.#parts;
    const { remedy } = error;
    const told = this.#refusals.get(by);
    const { reminder } = told?.remedy === remedy ? told : { reminder: new Reminder(clock) };
    this.#refusals.set(by, { remedy, reminder });
    if (reminder.due()) log.emit('output.refused', { by, error: describeError(error) });
    else log.repeat('output.refused');
  }

  wellAgain(by: string): void {
    if (this.#refusals.delete(by)) this.#parts.log.emit('output.recovered', { by });
  }

  /** Alive only while somebody waits. */
  async #watch(): Promise<void> {
    const { clock, over, stalledAfterMs, log } = this.#parts;
    this.#watching = true;
    while (this.#waiting > 0) {
      const before = this.#accepted;
      if (!(await clock.sleep(stalledAfterMs, over).then(yes, no))) break;
      if (this.#accepted > before || this.#waiting === 0 || this.#stalled) continue;
      this.#stalled = true;
      log.emit('output.stalled', { seconds: Math.round(stalledAfterMs / 1000) });
    }
    this.#watching = false;
  }
}

const yes = () => true;
const no = () => false;
