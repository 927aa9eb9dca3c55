/** What tables of other programs say of positions, by items as those programs write them. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import type { FoundTable, Item } from '../../../reader/checkpoint/import/layout.ts';
import { lifionTable } from '../../../reader/checkpoint/import/lifion.ts';
import { redpandaTable } from '../../../reader/checkpoint/import/redpanda.ts';
import { rowsFromTable } from '../../../reader/checkpoint/import/rows.ts';
import { telegrafTable } from '../../../reader/checkpoint/import/telegraf.ts';
import { vmwareTable } from '../../../reader/checkpoint/import/vmware.ts';

const A = 'shardId-000000000000';
const B = 'shardId-000000000001';
const C = 'shardId-000000000002';
const SEQ = '49590338271490256608559692538361571095921575989136588898';
const NOW = Date.parse('2026-03-01T12:00:00Z');
const logs = { stream: 'logs', nowMs: NOW };

const S = (text: string): AttributeValue => ({ S: text });
const M = (map: Item): AttributeValue => ({ M: { ...map } });
const texts = (fields: Record<string, string>): Item =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, S(value)]));

const whole = { kind: 'after', sequenceNumber: SEQ, subSequence: 0, partial: false };
/** Resumes at the record itself: what follows in its aggregate may be missing. */
const begun = { ...whole, partial: true };

describe('vmware-go-kcl', () => {
  // As CheckpointSequence and RemoveLeaseOwner leave them: vmware/vmware-go-kcl-v2, clientlibrary/checkpoint/dynamodb-checkpointer.go.
  const read = texts({
    ...{ ShardID: A, AssignedTo: 'worker-1', LeaseTimeout: '2026-03-01T11:59:10.123456789Z', Checkpoint: SEQ },
  });
  const ended = texts({ ShardID: B, LeaseTimeout: '2026-03-01T11:00:00Z', Checkpoint: 'SHARD_END' });
  const untouched = texts({ ShardID: C, AssignedTo: 'worker-1', LeaseTimeout: '2026-03-01T11:59:10Z' });

  it('the last processed record may have been the first of its aggregate, so its rest is read again', () => {
    expect(vmwareTable([read, ended, untouched], logs)).toEqual({
      shards: [{ shardId: A, position: begun }, { shardId: B, position: { kind: 'end' } }, { shardId: C }],
      alive: [],
      faults: [],
    });
  });

  it('a lease that ends in the future is a worker at work, one without an owner is not', () => {
    const until = '2026-03-01T12:00:05.5Z';
    const leased = texts({ ShardID: A, AssignedTo: 'worker-1', LeaseTimeout: until, Checkpoint: SEQ });
    const released = texts({ ShardID: B, LeaseTimeout: until, Checkpoint: SEQ });
    expect(vmwareTable([leased, released], logs).alive).toEqual([
      `${A} is leased by worker-1 until 2026-03-01T12:00:05.500Z`,
    ]);
  });

  it('everything that makes no sense is named at once', () => {
    const odd = texts({ ShardID: A, Checkpoint: 'TRIM' });
    expect(vmwareTable([odd, texts({ leaseKey: A })], logs).faults).toEqual([
      `${A}: Checkpoint is "TRIM"`,
      'an item has no ShardID, so this is no table of vmware-go-kcl',
    ]);
  });
});

describe('Redpanda Connect', () => {
  // As Claim and Checkpoint write them: redpanda-data/connect, internal/impl/aws/kinesis/input_checkpointer.go. Times carry the worker's zone.
  const item = (fields: Record<string, string>) => texts({ StreamID: 'logs', ...fields });
  const lease = { ClientID: 'c-1', LeaseTimeout: '2026-03-01T12:59:59.5+01:00' };

  it('records are acknowledged as a whole, and a claim without a sequence has no position', () => {
    const items = [item({ ShardID: A, SequenceNumber: SEQ, ...lease }), item({ ShardID: B, ...lease })];
    expect(redpandaTable(items, logs)).toEqual({
      shards: [{ shardId: A, position: whole }, { shardId: B }],
      alive: [],
      faults: [],
    });
  });

  it('a stream counts by its name or its ARN, and other streams of the table do not', () => {
    const arn = 'arn:aws:kinesis:eu-west-1:123456789012:stream/logs';
    const items = [
      item({ StreamID: arn, ShardID: A, SequenceNumber: SEQ }),
      item({ StreamID: 'other', ShardID: B, SequenceNumber: SEQ, ClientID: 'c', LeaseTimeout: '2030-01-01T00:00:00Z' }),
    ];
    expect(redpandaTable(items, logs)).toMatchObject({ shards: [{ shardId: A }], alive: [], faults: [] });
    expect(redpandaTable(items, { ...logs, stream: 'nothing' }).faults).toEqual([
      `there is no item of the stream nothing, but of ${arn}, other`,
    ]);
  });

  it('a lease that ends in the future is a worker at work, in its own zone too', () => {
    const leased = item({
      ShardID: A,
      SequenceNumber: SEQ,
      ClientID: 'c-1',
      LeaseTimeout: '2026-03-01T13:00:10+01:00',
    });
    expect(redpandaTable([leased], logs).alive).toEqual([`${A} is leased by c-1 until 2026-03-01T12:00:10.000Z`]);
  });
});

describe('telegraf', () => {
  // As write stores them: influxdata/telegraf, plugins/inputs/kinesis_consumer/store.go.
  const item = (namespace: string, shard: string, sequence: string) =>
    texts({ namespace, shard_id: shard, sequence_number: sequence });

  it('the only application of the stream needs no name, several do', () => {
    const one = [item('default-logs', A, SEQ), item('default-other', A, '7')];
    expect(telegrafTable(one, logs)).toEqual({ shards: [{ shardId: A, position: begun }], alive: [], faults: [] });
    const two = [...one, item('second-logs', B, SEQ)];
    expect(telegrafTable(two, logs).faults).toEqual([
      'one application with positions of logs must be named, and there is default, second',
    ]);
    expect(telegrafTable(two, { ...logs, application: 'second' }).shards).toEqual([{ shardId: B, position: begun }]);
  });

  it('an application that is not there, and a sequence that is none, are named', () => {
    expect(telegrafTable([item('default-logs', A, SEQ)], { ...logs, application: 'x' }).faults).toEqual([
      'there is no application with positions of logs x; there is default',
    ]);
    expect(telegrafTable([item('default-logs', A, 'LATEST')], logs).faults).toEqual([
      `${A}: sequence_number is "LATEST"`,
    ]);
  });
});

describe('lifion-kinesis', () => {
  // As the state store leaves it: lifion/lifion-kinesis, lib/state-store.js (initStreamState, ensureShardStateExists, registerConsumer).
  const shard = (fields: Item): AttributeValue =>
    M({
      checkpoint: { NULL: true },
      depleted: { BOOL: false },
      leaseExpiration: { NULL: true },
      leaseOwner: { NULL: true },
      parent: { NULL: true },
      version: S('v'),
      ...fields,
    });
  const state = (fields: Item): Item => ({
    ...texts({ consumerGroup: 'app', streamName: 'logs', streamCreatedOn: '2026-01-01T00:00:00.000Z', version: 'v' }),
    consumers: M({}),
    enhancedConsumers: M({}),
    shards: M({}),
    ...fields,
  });
  const consumer = (heartbeat: string, more: Item = {}) => M({ heartbeat: S(heartbeat), ...more });

  it('shards, ends, and shards without a checkpoint come out of the one item', () => {
    const shards = M({
      [A]: shard({ checkpoint: S(SEQ) }),
      [B]: shard({ checkpoint: S(SEQ), depleted: { BOOL: true } }),
      [C]: shard({}),
    });
    expect(lifionTable([state({ shards })], logs)).toEqual({
      shards: [{ shardId: A, position: begun }, { shardId: B, position: { kind: 'end' } }, { shardId: C }],
      alive: [],
      faults: [],
      createdMs: Date.parse('2026-01-01T00:00:00Z'),
    });
  });

  it('a fresh heartbeat and a lease in the future are signs of life, old ones are not', () => {
    const leased = (until: string) =>
      M({ [A]: shard({ checkpoint: S(SEQ), leaseOwner: S('c-1'), leaseExpiration: S(until) }) });
    const fresh = state({
      shards: leased('2026-03-01T12:00:30.000Z'),
      consumers: M({ 'c-1': consumer('2026-03-01T11:59:30.000Z'), 'c-0': consumer('2026-03-01T11:00:00.000Z') }),
    });
    expect(lifionTable([fresh], logs).alive).toEqual([
      `${A} is leased by c-1 until 2026-03-01T12:00:30.000Z`,
      'consumer c-1 was alive at 2026-03-01T11:59:30.000Z',
    ]);
    expect(lifionTable([state({ shards: leased('2026-03-01T11:00:00.000Z') })], logs).alive).toEqual([]);
  });

  it('the shards of a consumer that reads alone are found, those of two such consumers contradict each other', () => {
    const own = (sequence: string) =>
      consumer('2026-01-01T00:00:00Z', { shards: M({ [A]: shard({ checkpoint: S(sequence) }) }) });
    const alone = state({ consumers: M({ x: own(SEQ) }) });
    expect(lifionTable([alone], logs).shards).toEqual([{ shardId: A, position: begun }]);
    const both = state({ consumers: M({ x: own(SEQ) }), enhancedConsumers: M({ y: own('7') }) });
    expect(lifionTable([both], logs).faults).toEqual([
      'consumers.x.shards and enhancedConsumers.y.shards hold positions that contradict each other',
    ]);
  });

  it('a group is named where the stream has several', () => {
    const items = [state({}), state({ consumerGroup: S('second') })];
    expect(lifionTable(items, logs).faults).toEqual([
      'one consumer group of the stream logs must be named, and there is app, second',
    ]);
    expect(lifionTable(items, { ...logs, stream: 'x' }).faults).toEqual([
      'one consumer group of the stream x must be named, and there is none',
    ]);
  });
});

describe('rows of a table', () => {
  const stream = { id: 'logs', createdMs: Date.parse('2026-01-01T00:00:00Z') };
  const range = { startingHashKey: '0', endingHashKey: '9' };
  const listed = [
    { shardId: A, parents: [], closed: true, ...range },
    { shardId: B, parents: [A], closed: false, ...range },
  ];
  const found = (fields: Partial<FoundTable>): FoundTable => ({ shards: [], alive: [], faults: [], ...fields });
  const end = { kind: 'end' } as const;
  const horizon = { kind: 'horizon' } as const;

  it('take lineage and range from the stream, and leave out what the stream has no more', () => {
    const table = found({ shards: [{ shardId: B }, { shardId: A, position: end }, { shardId: 'shardId-old' }] });
    expect(rowsFromTable(table, { stream, listed, start: horizon })).toEqual({
      rows: [
        { shardId: A, position: end, parents: [], ...range, streamCreatedMs: stream.createdMs, arrivalMs: 0 },
        { shardId: B, position: horizon, parents: [A], ...range, streamCreatedMs: stream.createdMs, arrivalMs: 0 },
      ],
      leftOut: ['shardId-old'],
    });
  });

  it('need a start where no position is stored, and all faults come together', () => {
    const table = found({ shards: [{ shardId: B }, { shardId: B }], faults: ['one', 'two'] });
    expect(() => rowsFromTable(table, { stream, listed, start: undefined })).toThrow(
      expect.objectContaining({
        code: 'KINLOG_INPUT_INVALID',
        message: `the table can not be imported: one; two; a shard has more than one item; no position is stored for ${B}: say with --start where to begin`,
      }),
    );
    expect(() => rowsFromTable(found({}), { stream, listed, start: horizon })).toThrow(
      /no shard that the stream has now/,
    );
  });

  it('of an earlier stream of the same name are refused', () => {
    const table = (createdMs: number) => found({ shards: [{ shardId: A, position: end }], createdMs });
    expect(() => rowsFromTable(table(stream.createdMs - 86_400_000), { stream, listed, start: undefined })).toThrow(
      expect.objectContaining({ code: 'KINLOG_STREAM_RECREATED' }),
    );
    expect(rowsFromTable(table(stream.createdMs + 400), { stream, listed, start: undefined }).rows).toHaveLength(1);
  });
});
