/** `log2kinesis send` and `check`: what a command or a pipe writes becomes events in the stream. */
import { hostname } from 'node:os';
import { addAbortSignal, type Readable } from 'node:stream';
import { isAbort } from '../base/clock.ts';
import { asKinlogError, describeError } from '../base/errors.ts';
import type { EventMeta } from '../record/event.ts';
import { Sender } from '../sender/index.ts';
import { startCapture, type Capture } from './capture.ts';
import { connect } from './connection.ts';
import { commandLog, EXIT, Interruption, reported, type Surroundings } from './exit.ts';
import type { CheckValues, SendValues } from './send-options.ts';
import { PrintTarget, StreamTarget, type Target } from './send-target.ts';
import { splitter } from './split.ts';
import { timeFormat } from './timestamp.ts';

export async function send(values: SendValues, operands: readonly string[], around: Surroundings): Promise<number> {
  const target = openTarget(values, around);
  const [command, ...args] = operands;
  const status =
    command === undefined
      ? await sendInput(around.stdin, values, target)
      : await sendOutput(startCapture(command, args, values.capture), values, target, around);
  if (values.verbose || around.stderr.isTTY) around.stderr.write(`log2kinesis: ${target.summary()}\n`);
  return status;
}

function openTarget(values: SendValues, around: Surroundings): Target {
  if (values.dryRun || values.streamName === 'testsplit') return new PrintTarget(around);
  return new StreamTarget(values, metaOf(values), around);
}

function metaOf(values: SendValues): EventMeta {
  const { source, sourcetype, index } = values;
  return { source, sourcetype, host: values.host ?? hostname(), ...(index === undefined ? {} : { index }) };
}

async function sendInput(input: Readable, values: SendValues, target: Target): Promise<number> {
  const interruption = new Interruption();
  const stop = AbortSignal.any([interruption.signal, target.broken]);
  addAbortSignal(stop, input);
  await pump(input, values, target, stop);
  const interrupted = interruption.received !== undefined;
  const status = await target.finish(interruption.signal);
  return status === EXIT.ok && interrupted ? EXIT.interrupted : status;
}

/** The command decides how long it runs and what its end means; only a success of it can turn into our failure. */
async function sendOutput(capture: Capture, values: SendValues, target: Target, around: Surroundings): Promise<number> {
  const interruption = new Interruption((signal) => capture.kill(signal));
  const pumps = capture.outputs.map((output) => pump(output, values, target, interruption.signal));
  const ended = await capture.ended.catch((error: unknown) => reported(around, error));
  await Promise.all(pumps);
  const status = await target.finish(interruption.signal);
  if (ended !== EXIT.ok || status === EXIT.ok) return ended;
  return status === EXIT.partly ? status : EXIT.gaveUp;
}

/** Settles when the input has ended and the target has taken everything; back-pressure goes to whoever writes the input, until `hurry`. */
async function pump(input: Readable, values: SendValues, target: Target, hurry: AbortSignal): Promise<void> {
  const cut = splitter({
    mode: values.splitMode,
    starts: values.splitRegex,
    maxLines: values.maxLines,
    maxBytes: values.maxLineBytes,
  });
  const eventOf = eventMaker(values);
  const take = async (events: readonly Buffer[]) => {
    for (const event of events) {
      target.take(eventOf(event));
      if (target.full) await target.ready(hurry);
    }
  };
  try {
    for await (const chunk of input) await take(cut.push(chunk as Buffer));
  } catch (error) {
    if (!isAbort(error) && (error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
  await take(cut.end());
}

/** Adds the prefix and the time; events keep their LF only in the formats that know it. */
function eventMaker(values: SendValues): (event: Buffer) => { data: Buffer; timeMs?: number } {
  const stamp = timeFormat(values.timestamp);
  const keepLf = values.recordFormat === 'kinlog' || values.recordFormat === 'raw';
  let prefixedAt = NaN;
  let prefix = Buffer.alloc(0);
  return (event) => {
    const now = Date.now();
    if (stamp !== undefined && now !== prefixedAt) {
      prefix = Buffer.from(`${stamp(now)} `);
      prefixedAt = now;
    }
    const line = keepLf ? event : event.subarray(0, -1);
    const data = prefix.length === 0 ? line : Buffer.concat([prefix, line]);
    return values.timeFrom === 'now' ? { data, timeMs: now } : { data };
  };
}

export async function check(values: CheckValues, around: Surroundings): Promise<number> {
  const say = (text: string, result: object) =>
    around.stdout.write(`${values.json ? JSON.stringify({ stream: values.streamName, ...result }) : text}\n`);
  const kinesis = connect(values);
  const sender = new Sender({ kinesis, stream: values.streamName, log: commandLog(around) });
  try {
    const { shardId, sequenceNumber } = await sender.check(new Interruption().signal);
    say(`ok: ${values.streamName} took a record on ${shardId}`, { ok: true, shard: shardId, seq: sequenceNumber });
    return EXIT.ok;
  } catch (error) {
    if (!values.json) throw error;
    const { code, message, remedy, exit } = asKinlogError(error, 'checking the stream');
    say(describeError(error), { ok: false, code, message, remedy });
    return exit;
  } finally {
    await sender.close();
    kinesis.destroy();
  }
}
