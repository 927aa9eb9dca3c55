/** Every output keeps the promises of the seam; test/tree checks that none is missing here. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { describe } from 'vitest';
import { silentLog } from '../../base/events.ts';
import { EventPipe, ModularInputOutput, type PipeFormat } from '../../reader/output/modular-input.ts';
import { DeadLetterOutput } from '../../reader/output/dead-letter.ts';
import { openHec } from '../../reader/output/hec.ts';
import { NdjsonFileOutput } from '../../reader/output/ndjson-file.ts';
import { ndjsonFormat } from '../../reader/output/ndjson-pipe.ts';
import { EventStream } from '../demo/tally.ts';
import { FaultyDisk } from '../fakes/disk.ts';
import { FakeHec, TOKEN } from '../fakes/hec/hec.ts';
import { outputContract, type OutputSetting } from './output.ts';

describe('reader/output/modular-input.ts', () => {
  outputContract(() => onPipe(undefined, textsIn));
});

describe('reader/output/ndjson-pipe.ts', () => {
  outputContract(() => onPipe(ndjsonFormat('stdout'), lineTexts));
});

describe('reader/output/ndjson-file.ts', () => {
  outputContract(ndjsonFile);
});

describe('reader/output/dead-letter.ts', () => {
  outputContract(async () => {
    const setting = await onPipe(undefined, textsIn);
    const letters = { ready: () => Promise.resolve(), put: () => Promise.resolve() };
    const place = { stream: 'logs', shard: 'shardId-000000000000' };
    return { ...setting, output: new DeadLetterOutput(setting.output, { letters, ...place, log: silentLog() }) };
  });
});

describe('reader/output/hec.ts', () => {
  outputContract(() => hec(false), { returns: true, parallel: true });
});

describe('reader/output/hec.ts with acknowledgement', () => {
  // While acknowledgements are waited for, several bodies of one batch are on their way.
  outputContract(() => hec(true), { returns: true, parallel: true, unordered: true });
});

/** A HEC that takes something when it is let. */
async function hec(ack: boolean): Promise<OutputSetting> {
  const fake = new FakeHec({ tokens: { [TOKEN]: { ack } } });
  const { url, faults, cut } = await fake.open();
  const token = () => Promise.resolve(TOKEN);
  const output = openHec({ endpoints: [url], token, ack, ackEveryMs: 10, log: silentLog() });
  return {
    output,
    texts: () => Promise.resolve(fake.events.map(({ event }) => event as string)),
    hold: () => faults.hold(),
    release: () => faults.release(),
    cut,
    dispose: async () => {
      await output.close();
      await fake.close();
    },
  };
}

/** A pipe whose other end reads when it is let. */
function onPipe(format: PipeFormat | undefined, textsOf: (bytes: Buffer) => string[]): Promise<OutputSetting> {
  const received: Buffer[] = [];
  let held: (() => void) | undefined;
  let holding = false;
  const pipe = new Writable({
    highWaterMark: 16_384,
    write(chunk: Buffer, _encoding, done) {
      received.push(Buffer.from(chunk));
      if (holding) held = done;
      else done();
    },
  });
  const release = () => {
    holding = false;
    held?.();
    held = undefined;
  };
  const stream = new EventPipe(pipe, { log: silentLog(), ...(format === undefined ? {} : { format }) });
  return Promise.resolve({
    output: new ModularInputOutput(stream, 'kinesis_log://contract'),
    texts: () => Promise.resolve(textsOf(Buffer.concat(received))),
    hold: () => (holding = true),
    release,
    cut: () => pipe.destroy(new Error('EPIPE')),
    dispose: () => Promise.resolve(),
  });
}

function textsIn(xml: Buffer): string[] {
  const texts: string[] = [];
  new EventStream(({ data }) => texts.push(data)).write(xml);
  return texts;
}

/** A disk that takes something when it is let. */
async function ndjsonFile(): Promise<OutputSetting> {
  const folder = mkdtempSync(path.join(tmpdir(), 'kinlog-output-'));
  const file = path.join(folder, 'events.ndjson');
  const disk = new FaultyDisk();
  const output = await NdjsonFileOutput.open({ file, log: silentLog(), openFile: disk.open });
  return {
    output,
    texts: () => Promise.resolve(lineTexts(readFileSync(file))),
    hold: () => disk.hold(),
    release: () => disk.release(),
    cut: () => disk.fail('EIO'),
    lost: 'KINLOG_OUTPUT_FAILED',
    dispose: async () => {
      await output.close().catch(() => undefined);
      rmSync(folder, { recursive: true });
    },
  };
}

function lineTexts(bytes: Buffer): string[] {
  const lines = bytes.toString().split('\n');
  return lines.slice(0, -1).map((line) => (JSON.parse(line) as { event: string }).event);
}
