/** The modular input behind its entry file: validation and run mode, wired to this process. */
import { systemClock } from '../../base/clock.ts';
import { describeError, KinlogError } from '../../base/errors.ts';
import { EventLog, formatLine, type LogLine } from '../../base/events.ts';
import { RETRY_MS, run } from './run.ts';
import { readDocument } from './stdin.ts';
import { stopOnSignals } from './stop.ts';
import { refusal, validate } from './validate.ts';

/** splunkd kills what it has asked to stop after a time it does not tell; what is not finished by then is read again at the next start. */
const STOP_DEADLINE_MS = 4500;
const FLUSH_MS = 500;

const sink = (line: LogLine) => process.stderr.write(`${line.level.toUpperCase()} ${formatLine(line)}\n`);
const log = new EventLog(sink);

// A reader of stderr that left must not end the input, and a warning of the runtime must keep to one line with a level.
process.stderr.on('error', () => undefined);
process.removeAllListeners('warning');
process.on('warning', ({ name, message }) => log.emit('input.warned', { warning: `${name}: ${message}` }));

const mode = process.argv[2]?.toLowerCase();
if (mode === '--validate-arguments') void validateArguments();
else if (mode === undefined) void runInput();
else {
  const error = new KinlogError('KINLOG_INPUT_INVALID', `"${mode}" is not --scheme or --validate-arguments`);
  log.emit('reader.failed', { error: describeError(error) });
  void exit(1);
}

async function validateArguments(): Promise<void> {
  const answer = await readDocument(process.stdin).then((xml) => validate(xml, { log }), refusal);
  process.stdout.write(answer, () => void exit(answer === '' ? 0 : 1));
}

async function runInput(): Promise<void> {
  const stop = new AbortController();
  process.once('uncaughtException', crash);
  stopOnSignals({ stop, log, clock: systemClock, parent: () => process.ppid });
  stop.signal.addEventListener('abort', () => void systemClock.sleep(STOP_DEADLINE_MS).then(() => exit(0)));
  const { readStream } = await import('./read.ts');
  const context = { stdout: process.stdout, sink, clock: systemClock, stop, read: readStream };
  await exit(await run(readDocument(process.stdin, stop.signal), context));
}

/** A fault of ours. Nothing may run any more, least of all store a position; and the next start may meet the same, so it comes late. */
function crash(error: unknown): never {
  log.emit('reader.failed', { error: describeError(error) });
  // Without listeners a signal ends the process, also while it is blocked.
  for (const signal of ['SIGTERM', 'SIGINT']) process.removeAllListeners(signal);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
  process.exit(1);
}

/** With what was said on stderr, if anybody reads it. */
async function exit(status: number): Promise<never> {
  const said = new Promise((resolve) => process.stderr.write('', resolve));
  await Promise.race([said, systemClock.sleep(FLUSH_MS)]);
  process.exit(status);
}
