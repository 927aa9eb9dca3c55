/** What a process knows of an output that its streams share: its log, why it takes nothing while it does not, and what a person must mend. */
import { readDescription, type DescribedError } from '../base/errors.ts';
import { EventLog, type LogLine } from '../base/events.ts';
import { errorOf, StandingErrors, type StandingError } from './standing-errors.ts';

/** Events that say why something was not taken, or is not known to be safe. */
const TELLING = ['output.stalled', 'output.refused', 'output.retried', 'output.resent'];
/** One that lasts is named again every five minutes and after the wait that follows. */
const REFUSAL_LASTS_MS = 420_000;

export class SharedOutput {
  readonly name: string;
  readonly log: EventLog;
  readonly #sink: (line: LogLine) => void;
  readonly #standing = new StandingErrors();
  #stalled: string | undefined;
  /** Of the last thing that was not taken; the next one may be. */
  #reason: string | undefined;

  constructor(name: string, sink: (line: LogLine) => void) {
    this.name = name;
    this.#sink = sink;
    this.log = new EventLog((line) => this.#note(line), 'debug');
  }

  /** Why it takes nothing for now; undefined when it does. */
  get stalled(): string | undefined {
    return this.#stalled;
  }

  /** What a person must mend, and why it is stalled when that is something else. */
  errors(nowMs: number): StandingError[] {
    return this.#standing.list(nowMs);
  }

  #note(line: LogLine): void {
    const { error, reason } = line.fields;
    if (TELLING.includes(line.name) && (error ?? reason) !== undefined) this.#reason = String(error ?? reason);
    if (line.name === 'output.resumed') this.#reason = this.#stalled = undefined;
    else if (line.name === 'output.stalled' || this.#stalled !== undefined) this.#stalled = this.#reason ?? line.text;
    this.#stand(line, Date.now());
    const why = line.name === 'output.stalled' ? { error: this.#stalled } : {};
    this.#sink({ ...line, fields: { output: this.name, ...line.fields, ...why } });
  }

  #stand({ name, fields }: LogLine, nowMs: number): void {
    const by = `by ${String(fields['by'])}`;
    if (name === 'output.recovered') this.#standing.end(by);
    // It is not away, and whatever still is says so again.
    if (name === 'output.refused' || this.#stalled === undefined) this.#standing.end('stall');
    const error = name === 'output.refused' ? readDescription(String(fields['error'])) : undefined;
    if (error !== undefined) this.#standing.begin(by, { error, part: 'output', lastsMs: REFUSAL_LASTS_MS }, nowMs);
    else if (this.#stalled !== undefined && !this.#isRefusal(this.#stalled, nowMs))
      this.#standing.begin('stall', { error: this.#away(this.#stalled), part: 'output' }, nowMs);
  }

  /** Said once more, by the try that it belongs to. */
  #isRefusal(reason: string, nowMs: number): boolean {
    return this.#standing.list(nowMs).some(({ message }) => reason.startsWith(message));
  }

  #away(reason: string): DescribedError {
    const code = this.name.startsWith('hec:') ? 'KINLOG_SERVICE_UNAVAILABLE' : 'KINLOG_OUTPUT_FAILED';
    return errorOf(code, `${this.name} takes nothing: ${reason}`);
  }
}
