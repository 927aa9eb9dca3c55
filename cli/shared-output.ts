/** What a process knows of an output that its streams share: its log, and why it takes nothing while it does not. */
import { EventLog, type LogLine } from '../base/events.ts';

/** Events that say why something was not taken, or is not known to be safe. */
const TELLING = ['output.stalled', 'output.refused', 'output.retried', 'output.resent'];

export class SharedOutput {
  readonly name: string;
  readonly log: EventLog;
  readonly #sink: (line: LogLine) => void;
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

  #note(line: LogLine): void {
    const { error, reason } = line.fields;
    if (TELLING.includes(line.name) && (error ?? reason) !== undefined) this.#reason = String(error ?? reason);
    if (line.name === 'output.resumed') this.#reason = this.#stalled = undefined;
    else if (line.name === 'output.stalled' || this.#stalled !== undefined) this.#stalled = this.#reason ?? line.text;
    const why = line.name === 'output.stalled' ? { error: this.#stalled } : {};
    this.#sink({ ...line, fields: { output: this.name, ...line.fields, ...why } });
  }
}
