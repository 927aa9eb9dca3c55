/** Events in a file: safe before they count as accepted, and never half a line, whatever the disk does. */
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventLog, type LogLine } from '../../../base/events.ts';
import { NdjsonFileOutput } from '../../../reader/output/ndjson-file.ts';
import type { Rotation } from '../../../reader/output/rotating-file.ts';
import { batchOf } from '../../contract/output.ts';
import { FakeClock, settle } from '../../fakes/clock.ts';
import { FaultyDisk } from '../../fakes/disk.ts';

const never = new AbortController().signal;
let folder: string;
let file: string;
let disk: FaultyDisk;
let clock: FakeClock;
let said: LogLine[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kinlog-file-'));
  file = path.join(folder, 'deep', 'er', 'events.ndjson');
  disk = new FaultyDisk();
  clock = new FakeClock();
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (rotate?: Rotation) => {
  const log = new EventLog((line) => said.push(line), 'debug');
  return NdjsonFileOutput.open({ file, rotate, log, clock, openFile: disk.open });
};
const names = () => said.map(({ name }) => name);
const linesOf = (name: string): string[] => {
  const lines = readFileSync(name, 'utf8').split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => (JSON.parse(line) as { event: string }).event);
};
const files = () => readdirSync(path.dirname(file)).sort();
/** From the oldest to the newest. */
const everything = () =>
  files()
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .flatMap((name) => linesOf(path.join(path.dirname(file), name)));

/** Lets real file calls and virtual waits go on until the fact holds. */
async function until(fact: () => boolean): Promise<void> {
  for (let i = 0; !fact(); i++) {
    if (i > 5000) throw new Error('the fact did not come true');
    await settle(1);
  }
}

describe('a write', () => {
  it('settles only once the disk has synced it', async () => {
    const output = await open();
    let settled = false;
    disk.hold();
    const write = output.write(batchOf('a'), never).then(() => (settled = true));
    await until(() => disk.waiting === 1);
    disk.release();
    disk.hold();
    await until(() => disk.syncs === 1);
    await settle();
    expect(linesOf(file)).toEqual(['a']);
    expect(settled).toBe(false);
    disk.release();
    await write;
    await output.close();
  });

  it('shares a sync with others that wait for one', async () => {
    const output = await open();
    disk.hold('syncs');
    const writes = Array.from({ length: 50 }, (_, i) => output.write(batchOf(`${i}`), never));
    await until(() => linesOf(file).length === 50);
    disk.release();
    await Promise.all(writes);
    expect(disk.syncs).toBe(2);
    await output.close();
  });

  it('is refused for good after a sync failed: nobody knows what the disk has', async () => {
    const output = await open();
    disk.failSync('EIO');
    await expect(output.write(batchOf('a'), never)).rejects.toMatchObject({ code: 'KINLOG_OUTPUT_FAILED' });
    await expect(output.write(batchOf('b'), never)).rejects.toMatchObject({ code: 'KINLOG_OUTPUT_FAILED' });
    expect(linesOf(file)).toEqual(['a']);
    await output.close();
  });

  it('waits while the disk is full, says so once, and leaves no half line behind', async () => {
    const output = await open();
    await output.write(batchOf('first'), never);
    disk.leave(7);
    const write = output.write(batchOf('second', 'third'), never);
    await clock.until(() => names().includes('output.stalled'));
    await clock.advance(60_000);
    await until(() => clock.sleeping > 0);
    expect(readFileSync(file, 'utf8')).toBe('{"event":"first"}\n');
    disk.leave(Infinity);
    await clock.until(() => names().includes('output.resumed'));
    await write;
    expect(linesOf(file)).toEqual(['first', 'second', 'third']);
    expect(names()).toEqual(['output.stalled', 'output.resumed']);
    await output.close();
  });

  it('that is given up while the disk is full takes all of its lines back, also those that fitted', async () => {
    const output = await open();
    await output.write(batchOf('first'), never);
    disk.leave(400_000);
    const stop = new AbortController();
    const write = output.write(batchOf(...Array.from({ length: 1000 }, () => 'x'.repeat(1000))), stop.signal);
    await clock.until(() => names().includes('output.stalled'));
    expect(readFileSync(file).length).toBeGreaterThan(100_000);
    stop.abort();
    await expect(write).rejects.toMatchObject({ name: 'AbortError' });
    disk.leave(Infinity);
    await output.write(batchOf('after'), never);
    expect(linesOf(file)).toEqual(['first', 'after']);
    await output.close();
  });

  it('that another process disturbs is refused, because cutting back could take its lines', async () => {
    const output = await open();
    await output.write(batchOf('ours'), never);
    appendFileSync(file, '{"event":"theirs"}\n');
    await expect(output.write(batchOf('more'), never)).rejects.toThrow(/another process writes to/);
    await output.close();
  });
});

describe('opening', () => {
  it.each([
    ['half a line', '{"event":"torn'],
    ['a brace', '{'],
    ['zeros, as a machine without power leaves them', '\0\0\0\0'],
    ['a long half line', `{"event":"${'x'.repeat(200_000)}`],
  ])('cuts off %s that a crash left, and says so', async (_, torn) => {
    const before = '{"event":"whole"}\n';
    await (await open()).close();
    writeFileSync(file, before + torn);
    const output = await open();
    await output.write(batchOf('next'), never);
    await output.close();
    expect(linesOf(file)).toEqual(['whole', 'next']);
    expect(said).toMatchObject([{ name: 'output.cut', fields: { bytes: torn.length } }]);
  });

  it('keeps its hands off a file whose last line is not one of kinlog', async () => {
    await (await open()).close();
    writeFileSync(file, 'a list of mine, without an end');
    await expect(open()).rejects.toMatchObject({ code: 'KINLOG_OUTPUT_FAILED' });
    expect(readFileSync(file, 'utf8')).toBe('a list of mine, without an end');
  });

  it('refuses what is no regular file', async () => {
    file = folder;
    await expect(open()).rejects.toMatchObject({ code: 'KINLOG_OUTPUT_FAILED' });
    file = '/dev/null';
    await expect(open()).rejects.toThrow(/not a regular file/);
  });
});

describe('rotation', () => {
  it('under load loses no line, cuts none, and keeps the order of every writer', async () => {
    const output = await open({ maxBytes: 50_000, keep: 1000 });
    const write = async (name: string) => {
      for (let n = 0; n < 60; n++)
        await output.write(
          batchOf(...Array.from({ length: 20 }, (_, k) => `${name} ${n * 20 + k} ${'x'.repeat(99)}`)),
          never,
        );
    };
    await Promise.all(['a', 'b', 'c'].map(write));
    await output.close();
    expect(files().length).toBeGreaterThan(5);
    const lines = everything();
    for (const name of ['a', 'b', 'c'])
      expect(lines.filter((line) => line.startsWith(name)).map((line) => Number(line.split(' ')[1]))).toEqual(
        Array.from({ length: 1200 }, (_, n) => n),
      );
  });

  it('begins a new file only once everything in the old one is safe', async () => {
    const output = await open({ maxBytes: 1, keep: 2 });
    disk.hold('syncs');
    const writes = [output.write(batchOf('1'), never), output.write(batchOf('2'), never)];
    await until(() => existsSync(`${file}.1`));
    await settle(50);
    expect(existsSync(file)).toBe(false);
    disk.release();
    await Promise.all(writes);
    expect(linesOf(file)).toEqual(['2']);
    await output.close();
  });

  it('keeps so many older files and removes the oldest', async () => {
    const output = await open({ maxBytes: 1, keep: 2 });
    for (const text of ['1', '2', '3', '4', '5']) await output.write(batchOf(text), never);
    await output.close();
    expect(files()).toEqual(['events.ndjson', 'events.ndjson.1', 'events.ndjson.2']);
    expect(everything()).toEqual(['3', '4', '5']);
    expect(said.map(({ fields }) => fields['removed'])).toEqual([undefined, undefined, `${file}.2`, `${file}.2`]);
  });

  it('fills the gap that a crash between two renames left, and removes nothing', async () => {
    const output = await open({ maxBytes: 1, keep: 3 });
    for (const text of ['1', '2', '3', '4']) await output.write(batchOf(text), never);
    unlinkSync(`${file}.2`);
    await output.write(batchOf('5'), never);
    await output.close();
    expect(everything()).toEqual(['1', '3', '4', '5']);
  });

  it('by age counts from when the file was made, not from the start of the process', async () => {
    const first = await open({ maxAgeMs: 3_600_000, keep: 5 });
    clock.wallOffsetMs = Date.now();
    await first.write(batchOf('1'), never);
    await first.close();
    const second = await open({ maxAgeMs: 3_600_000, keep: 5 });
    await second.write(batchOf('2'), never);
    await clock.advance(3_700_000);
    await second.write(batchOf('3'), never);
    await second.close();
    expect(linesOf(`${file}.1`)).toEqual(['1', '2']);
    expect(linesOf(file)).toEqual(['3']);
  });

  it('by somebody else is followed: a file that was moved away or removed gets no further line', async () => {
    const output = await open();
    await output.write(batchOf('1'), never);
    renameSync(file, `${file}.old`);
    await output.write(batchOf('2'), never);
    unlinkSync(file);
    await output.write(batchOf('3'), never);
    expect(linesOf(`${file}.old`)).toEqual(['1']);
    expect(linesOf(file)).toEqual(['3']);
    // As logrotate's copytruncate does it.
    writeFileSync(file, '');
    await output.write(batchOf('4'), never);
    expect(linesOf(file)).toEqual(['4']);
    await output.close();
    expect(existsSync(file)).toBe(true);
  });
});
