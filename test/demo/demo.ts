/** `make demo`: access logs → log2kinesis → Kinesis → the packaged modular input → Splunk's event stream, with a SIGKILL and a split half-way. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { DescribeStreamCommand, SplitShardCommand } from '@aws-sdk/client-kinesis';
import { connectKinesis } from '../../base/aws.ts';
import { accessLog } from '../fakes/access-log.ts';
import { startKinesisLocal } from '../fakes/peers/kinesis-local.ts';
import type { Peer } from '../fakes/peers/process.ts';
import { endAll, FOLDER, PackagedInput, Sender, tidy } from './programs.ts';
import { Tally, type SplunkEvent } from './tally.ts';

const STREAM = 'demo';
/** However long the log is, as long as events arrive the demo goes on. */
const SILENCE_MS = 60_000;
/** Where log2kinesis cuts a line unless told otherwise. */
const LONGEST_LINE = 1024 * 1024;
const say = (text: string) => process.stdout.write(`${text}\n`);

let kinesis: Peer | undefined;
const interrupted = new AbortController();

async function demo(logFile: string | undefined): Promise<boolean> {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER);
  const lines = logFile === undefined ? generate() : readLog(logFile);
  const half = Math.ceil(lines.length / 2);
  const tally = new Tally(lines, showProgress);

  say('· starting kinesis-local on loopback with a stream of two shards');
  kinesis = await startKinesisLocal({ streams: `${STREAM}:2` });
  say('· unpacking dist/kinloader.tar.gz, starting its input as splunkd does');
  PackagedInput.unpack();
  const input = new PackagedInput(kinesis.url, STREAM, (event) => {
    heardAt = performance.now();
    tally.add(event);
  });
  input.start();

  say(`· sending lines 1 to ${half} with log2kinesis`);
  const sender = new Sender(kinesis.url, STREAM);
  await sender.write(lines.slice(0, half));
  await until(() => tally.delivered >= half / 2 || tally.missing <= lines.length - half, 'the first events', input);
  say(`· ${tally.delivered} events have arrived: killing the input with SIGKILL`);
  await input.end('SIGKILL');
  say('· splitting a shard while nobody reads, sending the rest');
  await splitFirstShard(kinesis.url);
  await sender.write(lines.slice(half));
  await sender.end();
  say('· starting the input again');
  input.start();
  await until(() => tally.missing === 0 && input.reading, 'all events', input).catch((error: unknown) =>
    say(`! ${String(error)}`),
  );
  say('· stopping the input with SIGTERM');
  await input.end('SIGTERM');

  showEvents(tally.first);
  const { line, complete } = tally.summary();
  const clean = input.exitCode === 0;
  if (!clean) say(`! the input ended with ${input.exitCode ?? 'a signal'}; see .demo/input-2.log`);
  say(line);
  return complete && clean;
}

function generate(): Buffer[] {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  const count = Number(process.env['EVENTS'] ?? 5000);
  say(`· generating ${count} lines of access log from seed ${seed} (SEED=${seed} make demo makes the same)`);
  return [...accessLog({ seed, lines: count })].map((line) => Buffer.from(line));
}

/** The bytes of any file, as log2kinesis splits them: empty lines are no events, a CR before the LF is not part of one, long lines are cut. */
function readLog(file: string): Buffer[] {
  const lines = readFileSync(file)
    .toString('latin1')
    .split('\n')
    .flatMap((line) => cut(line).map((piece) => piece.replace(/\r$/, '')))
    .filter((line) => line !== '')
    .map((line) => Buffer.from(line, 'latin1'));
  if (lines.length === 0) throw new Error(`${file} holds no line that is not empty`);
  say(`· reading ${lines.length} lines of ${file}`);
  return lines;
}

function cut(line: string): string[] {
  const pieces = [];
  for (let from = 0; from === 0 || from < line.length; from += LONGEST_LINE)
    pieces.push(line.slice(from, from + LONGEST_LINE));
  return pieces;
}

async function splitFirstShard(endpoint: string): Promise<void> {
  const client = connectKinesis({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'demo', secretAccessKey: 'demo' },
  });
  try {
    const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName: STREAM }));
    const shard = StreamDescription!.Shards![0]!;
    const from = BigInt(shard.HashKeyRange!.StartingHashKey!);
    const to = BigInt(shard.HashKeyRange!.EndingHashKey!);
    const middle = ((from + to) / 2n).toString();
    await client.send(
      new SplitShardCommand({ StreamName: STREAM, ShardToSplit: shard.ShardId, NewStartingHashKey: middle }),
    );
    await until(
      async () =>
        (await client.send(new DescribeStreamCommand({ StreamName: STREAM }))).StreamDescription?.StreamStatus ===
        'ACTIVE',
      'the split',
    );
  } finally {
    client.destroy();
  }
}

let heardAt = performance.now();

async function until(fact: () => boolean | Promise<boolean>, what: string, input?: PackagedInput): Promise<void> {
  heardAt = performance.now();
  while (!(await fact())) {
    if (performance.now() - heardAt > SILENCE_MS)
      throw new Error(`nothing arrived for ${SILENCE_MS / 1000} s while waiting for ${what}`);
    const code = input?.exitCode;
    if (code !== undefined && code !== null)
      throw new Error(`the input ended with ${code} before ${what} had arrived; see ${FOLDER}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function showProgress(delivered: number, of: number): void {
  say(`  ${delivered} of ${of} delivered`);
}

function showEvents(events: readonly SplunkEvent[]): void {
  say('\nThe first three events as Splunk sees them:');
  for (const { time, host, source, sourcetype, data } of events) {
    const at = time === undefined ? 'from the text' : new Date(Number(time) * 1000).toISOString();
    say(
      `  time ${at}  host ${host ?? '(default)'}  source ${source ?? '(default)'}  sourcetype ${sourcetype ?? '(default)'}\n    ${data}`,
    );
  }
  say('');
}

async function end(): Promise<void> {
  endAll();
  await kinesis?.close();
  tidy();
}

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.once(signal, () => {
    interrupted.abort();
    void end().finally(() => process.exit(status));
  });

try {
  // make hands its variables on in the environment, where a blank in a path does no harm.
  process.exitCode = (await demo(process.env['LOG'] || process.argv[2])) ? 0 : 1;
} catch (error) {
  // What an interrupt breaks off is no news.
  if (!interrupted.signal.aborted)
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await end();
}
