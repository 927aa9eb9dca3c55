/** What lies in the records, through the whole reader: aggregates, unbroken streams, records of extreme size, records that nothing explains. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KinlogError } from '../../base/errors.ts';
import { silentLog } from '../../base/events.ts';
import { encodeKinlog } from '../../record/kinlog.ts';
import { MARK } from '../../record/event.ts';
import { FIRST, numbers, ReaderScene } from './reader-scene.ts';

/** Field of a protobuf message: its number, wire type 2, a length below 2^21, bytes. */
function field(number: number, bytes: Uint8Array): Buffer {
  const varint: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    varint.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint]), bytes]);
}

/** As the KPL writes it (awslabs/amazon-kinesis-producer, aggregation-format.md). */
function aggregate(users: readonly (string | Uint8Array)[]): Buffer {
  const records = users.map((user) =>
    field(3, Buffer.concat([Buffer.from([8, 0]), field(3, Buffer.from(user as string))])),
  );
  const message = Buffer.concat([field(1, Buffer.from('key')), ...records]);
  return Buffer.concat([Buffer.from('f3899ac2', 'hex'), message, createHash('md5').update(message).digest()]);
}

/** One block of an unbroken stream. */
function block(blockId: number, text: string, encId = 7): Buffer {
  const header = { unbroken: true, encId, blockId, source: 'app.log', sourcetype: 'app', host: 'h', index: '' };
  return gzipSync(encodeKinlog(header, [{ data: text, meta: {} }]));
}

describe('KPL aggregates', () => {
  it('invariant 15: user records, compressed or not, come out in order among plain records', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put('before');
    scene.put(aggregate(['one', gzipSync('two'), 'three']));
    scene.put('after');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 5);
    await run.stop();
    expect(scene.output.texts).toEqual(['before', 'one', 'two', 'three', 'after']);
    expect(scene.output.events.slice(1, 4).map((event) => event.subSequence)).toEqual([0, 1, 2]);
  });

  it('invariant 15: goes on inside an aggregate after a crash, and repeats none of what was stored', async () => {
    const scene = new ReaderScene({ shards: 1 });
    const texts = numbers(0, 50);
    scene.put(aggregate(texts));
    scene.put('after');
    const { sequenceNumber } = scene.fake.records('access-logs')[0]!;
    const row = { shardId: FIRST, parents: [], streamCreatedMs: 0, arrivalMs: 0 };
    const position = { kind: 'after', sequenceNumber, subSequence: 19, partial: true } as const;
    await scene.store.put(
      { id: 'access-logs', createdMs: 0 },
      { ...row, position },
      'absent',
      new AbortController().signal,
    );
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 31);
    await run.stop();
    expect(scene.output.texts).toEqual([...texts.slice(20), 'after']);
    expect(scene.store.wentBack()).toEqual([]);
  });

  it('stores a position inside an aggregate only when more of it is to come', async () => {
    const scene = new ReaderScene({ shards: 1 });
    const user = JSON.stringify({ event: 'x'.repeat(300) });
    const lines = `${user}\n`.repeat(70_000);
    scene.put(aggregate([gzipSync(lines), gzipSync(lines), 'last']));
    const run = scene.start({ checkpointEveryMs: 0 });
    await scene.until(() => scene.output.events.length === 140_001);
    await run.stop();
    const positions = scene.store.positions(FIRST);
    expect(positions.at(-1)).toMatchObject({ kind: 'after', subSequence: 2, partial: false });
    expect(scene.store.wentBack()).toEqual([]);
  });
});

describe('unbroken streams', () => {
  it('come out in the order of their blocks, whatever the order they arrived in', async () => {
    const order = fc.shuffledSubarray([2, 3, 4, 5, 6, 7, 8], { minLength: 7, maxLength: 7 });
    await fc.assert(
      fc.asyncProperty(order, async (blocks) => {
        const scene = new ReaderScene({ shards: 1 });
        for (const id of [1, ...blocks]) scene.put(block(id, `block ${id}\n`));
        scene.put('another record');
        const run = scene.start();
        await scene.until(() => scene.output.events.length === 9);
        await run.stop();
        const unbroken = scene.output.events.filter((event) => (event.mark & MARK.unbroken) !== 0);
        expect(unbroken.map((event) => event.text)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((id) => `block ${id}\n`));
        expect(run.error).toBeNull();
      }),
      { numRuns: 15 },
    );
  });

  it('keep the position below a block that waits, and deliver it after a crash', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put(block(1, 'one\n'));
    scene.put(block(3, 'three\n'));
    for (const text of numbers(0, 20)) scene.put(text);
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 21);
    await run.crash();
    const [first] = scene.fake.records('access-logs');
    expect(scene.store.positions(FIRST).at(-1)).toMatchObject({ kind: 'after', sequenceNumber: first!.sequenceNumber });
    scene.put(block(2, 'two\n'));
    const again = scene.start();
    await scene.until(() => scene.output.texts.includes('three\n'));
    await scene.until(() => scene.output.texts.includes('two\n'));
    await again.stop();
    expect(scene.store.positions(FIRST).at(-1)).toMatchObject({
      sequenceNumber: scene.fake.records('access-logs').at(-1)!.sequenceNumber,
    });
  });

  it('do not wait for ever for a block that never comes', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put(block(1, 'one\n'));
    scene.put(block(3, 'three\n'));
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 2);
    await run.stop();
    expect(scene.output.texts).toEqual(['one\n', 'three\n']);
    expect(scene.named('unbroken.gap')).toMatchObject([{ level: 'warn', fields: { missing: 1, shard: FIRST } }]);
  });

  it('are let go when their shard ends, before its children begin', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put(block(1, 'one\n'));
    scene.put(block(3, 'three\n'));
    const children = scene.fake.split('access-logs', FIRST);
    scene.put('in a child');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 3);
    await run.stop();
    expect(scene.output.texts).toEqual(['one\n', 'three\n', 'in a child']);
    expect(children).toHaveLength(2);
  });
});

describe('records of extreme size', () => {
  it('100,000 events in one record all come out, in several batches', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put(
      gzipSync(
        numbers(0, 100_000)
          .map((event) => JSON.stringify({ event }))
          .join('\n'),
      ),
    );
    scene.put('after');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 100_001);
    await run.stop();
    expect(scene.output.texts.slice(0, -1)).toEqual(numbers(0, 100_000));
  });

  it('a record of 10 MiB comes out whole', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.fake.stream('access-logs').maxRecordKiB = 10_240;
    const text = 'é'.repeat(5 * 1024 * 1024 - 20);
    scene.put(text);
    scene.put('after');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 2);
    await run.stop();
    expect(scene.output.texts[0] === text).toBe(true);
  });

  it('one that decompresses beyond the ceiling comes out as it is, and marked', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put(gzipSync(Buffer.alloc(80 * 1024 * 1024)));
    scene.put('after');
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 2);
    await run.stop();
    expect(scene.output.events[0]!.mark & MARK.undecoded).toBe(MARK.undecoded);
    expect(scene.named('record.undecoded')).toHaveLength(1);
  });
});

describe('records that nothing explains', () => {
  it('come out as they are, marked, and said once with their reason', async () => {
    const scene = new ReaderScene({ shards: 1 });
    for (let i = 0; i < 5; i++) scene.put(Buffer.from([0xff, 0x00, 0xfe, i]));
    const run = scene.start();
    await scene.until(() => scene.output.events.length === 5);
    await run.stop();
    expect(scene.output.events.every((event) => (event.mark & MARK.undecoded) !== 0)).toBe(true);
    expect(scene.named('record.undecoded')).toMatchObject([{ level: 'warn', fields: { shard: FIRST } }]);
  });

  it('are counted, a bad line among good ones too', async () => {
    const scene = new ReaderScene({ shards: 1 });
    const log = silentLog();
    scene.put('{"event":"one"}\n{"event":"tw\n{"event":"three"}');
    scene.put(Buffer.from([0xff, 0x00, 0xfe]));
    const run = scene.start({ log });
    await scene.until(() => scene.output.events.length === 4);
    await run.stop();
    expect(scene.output.texts.slice(0, 3)).toEqual(['one', '{"event":"tw', 'three']);
    expect(log.totals()).toMatchObject({ events_delivered: 4, events_undecoded: 2, records_read: 2 });
  });

  it('a record without events moves the position all the same', async () => {
    const scene = new ReaderScene({ shards: 1 });
    scene.put(gzipSync(encodeKinlog({ unbroken: false, encId: 1, blockId: 0, source: '__null__' }, [])));
    const run = scene.start();
    await scene.until(() => scene.store.positions(FIRST).some((position) => position.kind === 'after'));
    await run.stop();
    expect(scene.output.events).toEqual([]);
  });
});

describe('a refused batch', () => {
  it('ends the reader even when the next page is decoded already', async () => {
    const scene = new ReaderScene({ shards: 1, service: { maxPageBytes: 2000 } });
    for (const text of numbers(0, 300)) scene.put(text);
    scene.output.refuseNext(new KinlogError('KINLOG_OUTPUT_FAILED', 'the disk is full'));
    const run = scene.start();
    await scene.until(() => run.error !== undefined);
    expect(run.error).toMatchObject({ code: 'KINLOG_OUTPUT_FAILED' });
    expect(scene.store.positions(FIRST).every((position) => position.kind === 'horizon')).toBe(true);
  });
});
