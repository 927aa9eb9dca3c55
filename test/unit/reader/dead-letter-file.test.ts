/** Dead letters on the disk: readable, durable, bounded, and never lost or cut in two. */
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../../base/events.ts';
import { BatchBuilder } from '../../../record/batch.ts';
import { DeadLetterFile } from '../../../reader/output/dead-letter-file.ts';
import type { DeadLetter } from '../../../reader/output/dead-letter.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { FaultyDisk } from '../../fakes/disk.ts';

const never = new AbortController().signal;

let folder: string;
let file: string;
let disk: FaultyDisk;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'kinlog-dead-letters-'));
  file = path.join(folder, 'made', 'dead.ndjson');
  disk = new FaultyDisk();
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (maxBytes?: number): Promise<DeadLetterFile> =>
  DeadLetterFile.open({
    ...{ file, log: silentLog(), clock: new FakeClock(), openFile: disk.open },
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });

function letter(bytes: Uint8Array | string, index = 0): DeadLetter {
  const builder = new BatchBuilder();
  const record = { sequenceNumber: '495900', subSequence: 2, arrivalMs: 1_700_000_000_000 };
  builder.record(record);
  const data = Buffer.from(bytes);
  const at = builder.load(data);
  builder.add(at, at + data.length, 1_700_000_000_123_456, builder.meta({ host: 'web-1' }), 1);
  const fields = Buffer.from('{"a":1}');
  const fieldsAt = builder.load(fields);
  builder.addFields(fieldsAt, fieldsAt + fields.length);
  const event = builder.seal().at(0);
  return { stream: 'logs', shard: 'shardId-0', record, index, event, reason: 'too "large"\nfor it' };
}

const lines = (from = file): Record<string, unknown>[] => {
  const text = readFileSync(from, 'utf8');
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
};

describe('a file of dead letters', () => {
  it('holds place, reason and event, and the bytes of what is no text', async () => {
    const letters = await open();
    await letters.put([letter('Grüße\n', 7), letter(Uint8Array.of(0xff, 0x00, 0x41))], never);
    const common = {
      ...{ refused: '2026-01-01T00:00:00.000Z', reason: 'too "large"\nfor it', stream: 'logs', shard: 'shardId-0' },
      ...{ sequenceNumber: '495900', subSequence: 2, arrivalMs: 1_700_000_000_000 },
      ...{ timeMs: 1_700_000_000_123.456, meta: { host: 'web-1' }, fields: '{"a":1}', mark: 1 },
    };
    expect(lines()).toEqual([
      { ...common, index: 7, text: 'Grüße\n' },
      { ...common, index: 0, base64: '/wBB' },
    ]);
    await letters.close();
    await expect(letters.put([letter('late')], never)).rejects.toMatchObject({ code: 'KINLOG_CLOSED' });
  });

  it('settles when the disk has the letters, not before', async () => {
    const letters = await open();
    disk.hold('syncs');
    let settled = false;
    const put = letters.put([letter('a')], never).then(() => (settled = true));
    while (disk.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(false);
    disk.release();
    await put;
    await letters.close();
  });

  it('takes no more when it is full, keeps what it has, and begins anew where the file was moved away', async () => {
    const letters = await open(500);
    await letters.put([letter('first'), letter('second')], never);
    for (const asked of [letters.ready(never), letters.put([letter('third')], never)])
      await expect(asked).rejects.toMatchObject({ code: 'KINLOG_DEAD_LETTERS_FULL', retry: 'never' });
    renameSync(file, `${file}.seen`);
    await letters.ready(never);
    await letters.put([letter('third')], never);
    expect(lines(`${file}.seen`).map(({ text }) => text)).toEqual(['first', 'second']);
    expect(lines().map(({ text }) => text)).toEqual(['third']);
    await letters.close();
  });

  it('keeps all letters of a put or none, also when the disk breaks or the caller gives up', async () => {
    const letters = await open();
    await letters.put([letter('kept')], never);
    const gone = new AbortController();
    disk.hold();
    const given = letters.put([letter('a'), letter('b')], gone.signal);
    while (disk.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    gone.abort();
    await expect(given).rejects.toMatchObject({ name: 'AbortError' });
    disk.release();
    await letters.put([letter('after it')], never);
    disk.fail('EIO');
    await expect(letters.put([letter('a'), letter('b')], never)).rejects.toMatchObject({
      code: 'KINLOG_OUTPUT_FAILED',
    });
    await expect(letters.ready(never)).rejects.toMatchObject({ code: 'KINLOG_OUTPUT_FAILED' });
    expect(lines().map(({ text }) => text)).toEqual(['kept', 'after it']);
    await letters.close().catch(() => undefined);
  });

  it('cuts off the line that a crash left incomplete', async () => {
    const before = await open();
    await before.put([letter('whole')], never);
    await before.close();
    appendFileSync(file, '{"refused":"2026');
    const letters = await open();
    await letters.put([letter('next')], never);
    expect(lines().map(({ text }) => text)).toEqual(['whole', 'next']);
    await letters.close();
  });

  it('keeps the letters of shards that write at the same time apart', async () => {
    const letters = await open();
    const puts = Array.from({ length: 20 }, (_, k) => letters.put([letter(`${k} a`), letter(`${k} b`)], never));
    await Promise.all(puts);
    const texts = lines().map(({ text }) => text as string);
    expect(texts).toEqual(Array.from({ length: 20 }, (_, k) => [`${k} a`, `${k} b`]).flat());
    await letters.close();
  });
});
