/** A reader as a process of its own, as the Splunk input runs it, that kills or stops itself at a step the reader names.
 *  KINLOG_CRASH: {"url", "directory", "at"?: {"event", "fields"?, "nth", "signal"}}. Events go to stdout as XML, the names of steps to stderr. */
import { systemClock } from '../../base/clock.ts';
import { EventLog, type LogLine } from '../../base/events.ts';
import { EventPipe, ModularInputOutput, openLevelStore, Reader } from '../../reader/index.ts';

export interface CrashOptions {
  readonly url: string;
  readonly directory: string;
  readonly at?: {
    readonly event: LogLine['name'];
    /** Only lines with this text in their fields. */
    readonly with?: string;
    readonly nth: number;
    readonly signal: 'SIGKILL' | 'SIGSTOP';
  };
}

const { url, directory, at } = JSON.parse(process.env['KINLOG_CRASH']!) as CrashOptions;
let seen = 0;
const log = new EventLog((line) => {
  if (line.level !== 'debug') process.stderr.write(`${line.name} ${JSON.stringify(line.fields)}\n`);
  if (at === undefined || line.name !== at.event) return;
  if (at.with !== undefined && !JSON.stringify(line.fields).includes(at.with)) return;
  // The signal is delivered before kill returns, so nothing of the reader runs after the step it names.
  if (++seen === at.nth) process.kill(process.pid, at.signal);
}, 'debug');

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const pipe = new EventPipe(process.stdout, { log });
const store = await openLevelStore(directory, { clock: systemClock, signal: stop.signal, waitMs: 2000 });
await new Reader({
  stream: 'crash',
  kinesis: { endpoint: url, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } },
  store,
  output: new ModularInputOutput(pipe, 'kinesis_log://crash'),
  start: { kind: 'horizon' },
  log,
  checkpointEveryMs: 100,
  listEveryMs: 1000,
}).run(stop.signal);
await pipe.close();
await store.close();
