/** What a process knows of an output that its streams share: its log, why it takes nothing while it does not, and what a person must mend. */
import { readDescription, type DescribedError } from '../base/errors.ts';
import { EventLog, type LogLine } from '../base/events.ts';
import { errorOf, StandingErrors, type StandingError } from './standing-errors.ts';

/** Events that say why something was not taken, or is not known to be safe. */
const TELLING = ['output.stalled', 'output.refused', 'output.retried', 'output.resent'];

export class SharedOutput {
  readonly name: string;
  readonly log: EventLog;
  readonly #sink: (line: LogLine) => void;
  readonly #standing = new StandingErrors();
  readonly #endpoints: readonly string[];
  /** What each of those that refuse something says. */
  readonly #refusals = new Map<string, string>();
  #opened: boolean;
  #stalled: string | undefined;
  /** Of the last thing that was not taken; the next one may be. */
  #reason: string | undefined;

  /** `endpoints`: servers of equal standing that have to answer first; none for a file. */
  constructor(name: string, sink: (line: LogLine) => void, endpoints: readonly string[] = []) {
    this.name = name;
    this.#sink = sink;
    this.#endpoints = endpoints;
    this.#opened = endpoints.length === 0;
    this.log = new EventLog((line) => this.#note(line), 'debug');
  }

  /** Why it takes nothing for now; undefined when it does. */
  get stalled(): string | undefined {
    return this.#stalled;
  }

  /** Why events wait for it, or would if there were any; undefined when it takes them. */
  get notReady(): string | undefined {
    if (this.#stalled !== undefined) return `takes nothing: ${this.#stalled}`;
    const refusal = this.#keptBackBy();
    if (refusal !== undefined) return `is refused: ${refusal}`;
    return this.#opened ? undefined : 'has not answered yet';
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
    const by = String(fields['by']);
    this.#opened ||= name === 'output.opened';
    if (name === 'output.recovered') {
      this.#standing.end(`by ${by}`);
      this.#refusals.delete(by);
    }
    // It is not away, and whatever still is says so again.
    if (name === 'output.refused' || this.#stalled === undefined) this.#standing.end('stall');
    const error = name === 'output.refused' ? readDescription(String(fields['error'])) : undefined;
    if (error !== undefined) {
      this.#standing.begin(`by ${by}`, { error, part: 'output' }, nowMs);
      this.#refusals.set(by, error.message);
    } else if (this.#stalled !== undefined && !this.#isRefusal(this.#stalled))
      this.#standing.begin('stall', { error: this.#away(this.#stalled), part: 'output' }, nowMs);
  }

  /** What one of several endpoints refuses, the others take; an index holds its events wherever they go. */
  #keptBackBy(): string | undefined {
    const others = [...this.#refusals].find(([by]) => !this.#endpoints.includes(by));
    if (others !== undefined) return others[1];
    return this.#endpoints.every((by) => this.#refusals.has(by)) ? this.#refusals.values().next().value : undefined;
  }

  /** Said once more, by the try that it belongs to. */
  #isRefusal(reason: string): boolean {
    return [...this.#refusals.values()].some((message) => reason.startsWith(message));
  }

  #away(reason: string): DescribedError {
    const code = this.name.startsWith('hec:') ? 'KINLOG_SERVICE_UNAVAILABLE' : 'KINLOG_OUTPUT_FAILED';
    return errorOf(code, `${this.name} takes nothing: ${reason}`);
  }
}
