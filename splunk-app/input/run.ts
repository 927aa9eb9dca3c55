/** Run mode: reads every stanza of the document until told to stop, and decides when and how the process ends. */
import type { Writable } from 'node:stream';
import { isAbort, type Clock } from '../../base/clock.ts';
import { describeError, isKinlogError, KinlogError } from '../../base/errors.ts';
import { EventLog, type LogLine } from '../../base/events.ts';
import { EventPipe, ModularInputOutput } from '../../reader/output/modular-input.ts';
import type { Output } from '../../reader/output/output.ts';
import { parseDocument, type InputDocument, type Stanza } from './document.ts';
import type { StanzaOptions } from './options.ts';
import { parseStanzaOptions } from './stanza.ts';
import { positionDirectory } from './positions.ts';

/** Reads one stream into the output until the signal aborts and everything accepted is stored; rejects with a KinlogError. */
export type ReadStream = (work: {
  readonly options: StanzaOptions;
  /** Own directory for positions; may not exist yet. */
  readonly directory: string;
  readonly output: Output;
  readonly log: EventLog;
  readonly signal: AbortSignal;
}) => Promise<void>;

export interface RunContext {
  readonly stdout: Writable;
  readonly sink: (line: LogLine) => void;
  readonly clock: Clock;
  /** Abort it to stop; run does so itself when splunkd's end of the pipe is gone. */
  readonly stop: AbortController;
  readonly read: ReadStream;
}

/** With interval 0 splunkd starts an input again the moment it ends, so one that can't run ends late. */
export const RETRY_MS = 30_000;

/** Exit status of the process: 0 after a stop or with nothing to do, 1 when a stanza could not be read. */
export async function run(xml: Promise<string>, context: RunContext): Promise<number> {
  const { stop, clock, sink } = context;
  const log = new EventLog(sink);
  const failed = await runDocument(xml, context, log).catch((error: unknown) => report(error, log));
  if (!failed) return 0;
  await clock.sleep(RETRY_MS, stop.signal).catch(() => undefined);
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
  const pipe = new EventPipe(context.stdout, { log, clock: context.clock });
  pipe.failed.addEventListener('abort', () => context.stop.abort(), { once: true });
  const failures = await Promise.all(document.stanzas.map((stanza) => runStanza(stanza, document, pipe, context)));
  // When the pipe was cut, whoever wrote has been told.
  await pipe.close().catch(() => undefined);
  return failures.includes(true);
}

async function runStanza(
  { name, params }: Stanza,
  document: InputDocument,
  pipe: EventPipe,
  context: RunContext,
): Promise<boolean> {
  const named = (line: LogLine) => context.sink({ ...line, fields: { stanza: name, ...line.fields } });
  let log = new EventLog(named);
  try {
    const options = parseStanzaOptions(params);
    log = new EventLog(named, LEVELS[options.logLevel]);
    const directory = positionDirectory(document.checkpointDir, name);
    const output = new ModularInputOutput(pipe, name);
    await context.read({ options, directory, output, log, signal: context.stop.signal });
    return false;
  } catch (error) {
    return report(error, log);
  }
}

const LEVELS = { DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Says why reading ended, unless the reader has said so. A stop and a receiver that left are no failures of the input. */
function report(error: unknown, log: EventLog): boolean {
  if (isAbort(error) || (isKinlogError(error) && isAbort(error.cause))) return false;
  if (log.total('reader_failures') === 0) log.emit('reader.failed', { error: describeError(error) });
  return !isKinlogError(error, 'KINLOG_OUTPUT_CLOSED');
}
