/** Run mode: reads every stanza of the document until told to stop, and decides when and how the process ends. */
import type { Writable } from 'node:stream';
import { isAbort, type Clock } from '../../base/clock.ts';
import { describeError, isKinlogError, KinlogError } from '../../base/errors.ts';
import { EventLog, reaches, type Level, type LogLine } from '../../base/events.ts';
import { EventPipe, ModularInputOutput } from '../../reader/output/modular-input.ts';
import type { Output } from '../../reader/output/output.ts';
import { parseDocument, type InputDocument, type Stanza } from './document.ts';
import { measure, type Measuring, type Telling } from './measuring.ts';
import type { StanzaOptions } from './options.ts';
import { parseStanzaOptions } from './stanza.ts';
import { positionDirectory } from './positions.ts';

/** One stanza, and what reading it stands on. */
export interface StreamWork {
  readonly stanza: Stanza;
  readonly options: StanzaOptions;
  readonly document: InputDocument;
  /** Own directory for positions; may not exist yet. */
  readonly directory: string;
  /** To splunkd; closed by the run. */
  readonly output: Output;
  readonly log: EventLog;
  /** To be told which reader reads from now on. */
  readonly reads: (reader: Telling) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Reads one stream until the signal aborts and everything accepted is stored; rejects with a KinlogError. */
export type ReadStream = (work: StreamWork) => Promise<void>;

export interface RunContext {
  readonly stdout: Writable;
  readonly sink: (line: LogLine) => void;
  readonly clock: Clock;
  /** Abort it to stop; run does so itself when splunkd's end of the pipe is gone. */
  readonly stop: AbortController;
  readonly read: ReadStream;
}

/** With interval 0 splunkd starts an input again the moment it ends, so from one start to the next at least this long. */
export const RETRY_MS = 30_000;

/** Exit status of the process: 0 after a stop or with nothing to do, 1 when a stanza could not be read. */
export async function run(xml: Promise<string>, context: RunContext): Promise<number> {
  const { stop, clock, sink } = context;
  const began = clock.monotonic();
  const log = new EventLog(sink);
  const failed = await runDocument(xml, context, log).catch((error: unknown) => report(error, log));
  if (!failed) return 0;
  const waitMs = began + RETRY_MS - clock.monotonic();
  if (waitMs > 0) await clock.sleep(waitMs, stop.signal).catch(() => undefined);
  return 1;
}

/** True when something failed that a restart may heal. */
async function runDocument(xml: Promise<string>, context: RunContext, log: EventLog): Promise<boolean> {
  const document = parseDocument(await xml);
  if (document.kind !== 'input')
    throw new KinlogError('KINLOG_INPUT_INVALID', 'this is a document to validate, not to run');
  if (document.stanzas.length === 0) {
    log.emit('input.idle');
    return false;
  }
  const runs = document.stanzas.map((stanza) => new StanzaRun(stanza, document, context));
  const tellPipe = (line: LogLine) => {
    context.sink(line);
    for (const stanza of runs) stanza.notePipe(line);
  };
  const pipe = new EventPipe(context.stdout, { log: new EventLog(tellPipe), clock: context.clock });
  pipe.failed.addEventListener('abort', () => context.stop.abort(), { once: true });
  const failures = await Promise.all(runs.map((stanza) => stanza.run(pipe)));
  // When the pipe was cut, whoever wrote has been told.
  await pipe.close().catch(() => undefined);
  return failures.includes(true);
}

class StanzaRun {
  readonly #stanza: Stanza;
  readonly #document: InputDocument;
  readonly #context: RunContext;
  readonly #log: EventLog;
  #lowest: Level = 'info';
  #measuring: Measuring | undefined;

  constructor(stanza: Stanza, document: InputDocument, context: RunContext) {
    this.#stanza = stanza;
    this.#document = document;
    this.#context = context;
    this.#log = new EventLog((line) => this.#say(line), 'debug');
  }

  /** All stanzas of a process write to one pipe. */
  notePipe(line: LogLine): void {
    this.#log.repeat(line.name);
    this.#measuring?.note(line);
  }

  /** True when it failed. */
  async run(pipe: EventPipe): Promise<boolean> {
    const { name, params } = this.#stanza;
    const { clock, stop, read } = this.#context;
    const log = this.#log;
    try {
      const options = parseStanzaOptions(params);
      this.#lowest = LEVELS[options.logLevel];
      const measuring = measure({ name, options, log, clock, home: process.env['SPLUNK_HOME'] });
      this.#measuring = measuring;
      await read({
        stanza: this.#stanza,
        options,
        document: this.#document,
        directory: positionDirectory(this.#document.checkpointDir, name),
        output: new ModularInputOutput(pipe, name),
        log,
        reads: (reader) => measuring.reads(reader),
        clock,
        signal: stop.signal,
      });
      return false;
    } catch (error) {
      return report(error, log);
    } finally {
      await this.#measuring?.end();
    }
  }

  #say(line: LogLine): void {
    this.#measuring?.note(line);
    if (!reaches(line.level, this.#lowest)) return;
    this.#context.sink({ ...line, fields: { stanza: this.#stanza.name, ...line.fields } });
  }
}

const LEVELS = { DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Says why reading ended, unless the reader has said so. A stop and a receiver that left are no failures of the input. */
function report(error: unknown, log: EventLog): boolean {
  if (isAbort(error) || (isKinlogError(error) && isAbort(error.cause))) return false;
  if (log.total('reader_failures') === 0) log.emit('reader.failed', { error: describeError(error) });
  return !isKinlogError(error, 'KINLOG_OUTPUT_CLOSED');
}
