/** One stream: its shards, how keys find them, and what resharding makes of them. */
import { invalidArgument, notFound } from './failure.ts';
import { HASH_LIMIT } from './sequence.ts';
import type { FakeConsumer } from './consumer.ts';
import { FakeShard, type Lineage } from './shard.ts';
import { CallLimit } from './limits.ts';

export interface StreamShape {
  readonly name: string;
  readonly account: string;
  readonly region: string;
  readonly createdMs: number;
  readonly onDemand: boolean;
}

export type StreamStatus = 'CREATING' | 'ACTIVE' | 'UPDATING' | 'DELETING';

interface Change {
  readonly atMs: number;
  readonly apply: () => void;
}

export class FakeStream {
  readonly shape: StreamShape;
  readonly listings = new CallLimit(1000);
  /** Every shard ever made, by index. */
  readonly shards: FakeShard[] = [];
  /** Registered for enhanced fan-out. */
  consumers: readonly FakeConsumer[] = [];
  retentionHours = 24;
  maxRecordKiB = 1024;
  encryption: 'NONE' | 'KMS' = 'NONE';
  /** Records come back without their partition key, as from streams whose service distributes them itself. */
  keyless = false;
  status: StreamStatus = 'ACTIVE';
  #open: FakeShard[] = [];
  #change: Change | undefined;

  constructor(shape: StreamShape, shardCount: number) {
    this.shape = shape;
    for (const [firstHash, lastHash] of evenRanges(shardCount)) this.#add(firstHash, lastHash, {}, shape.createdMs);
  }

  get arn(): string {
    return `arn:aws:kinesis:${this.shape.region}:${this.shape.account}:stream/${this.shape.name}`;
  }

  get open(): readonly FakeShard[] {
    return this.#open;
  }

  get retentionMs(): number {
    return this.retentionHours * 3_600_000;
  }

  /** Does what has become due, and forgets what has aged out. */
  settle(nowMs: number): void {
    if (this.#change !== undefined && nowMs >= this.#change.atMs) {
      const { apply } = this.#change;
      this.#change = undefined;
      this.status = 'ACTIVE';
      apply();
    }
    for (const shard of this.shards) shard.trim(nowMs - this.retentionMs);
  }

  /** At once when `atMs` has come, so that a stream without durations is never seen in between. */
  later(status: StreamStatus, atMs: number, nowMs: number, apply: () => void): void {
    this.status = status;
    this.#change = { atMs, apply };
    if (nowMs >= atMs) this.settle(nowMs);
  }

  /** Shards that ListShards still knows: closed ones leave with their last data. */
  listed(nowMs: number): readonly FakeShard[] {
    return this.shards.filter(({ closedMs }) => closedMs === undefined || closedMs > nowMs - this.retentionMs);
  }

  /** Without those that are gone. */
  consumersAt(nowMs: number): readonly FakeConsumer[] {
    this.consumers = this.consumers.filter(({ goneMs }) => goneMs === undefined || nowMs < goneMs);
    return this.consumers;
  }

  find(shardId: string, nowMs: number): FakeShard | undefined {
    return this.listed(nowMs).find((shard) => shard.shardId === shardId);
  }

  shard(shardId: string, nowMs: number): FakeShard {
    const { name, account } = this.shape;
    const found = this.find(shardId, nowMs);
    if (found === undefined)
      throw notFound(`Could not find shard ${shardId} in stream ${name} under account ${account}.`);
    return found;
  }

  /** Newest creation second in any sequence number of this stream. */
  get newestS(): number {
    return Math.max(...this.shards.map(({ shape }) => shape.createdS));
  }

  route(hash: bigint): FakeShard {
    return this.#open.find(({ shape }) => hash >= shape.firstHash && hash <= shape.lastHash)!;
  }

  checkSplit(parent: FakeShard, at: bigint): void {
    const { firstHash, lastHash } = parent.shape;
    const { name, account } = this.shape;
    if (parent.closedMs !== undefined)
      throw invalidArgument(
        `Shard ${parent.shardId} in stream ${name} under account ${account} has already been merged or split, and thus is not eligible for merging or splitting.`,
      );
    if (at <= firstHash + 1n || at >= lastHash)
      throw invalidArgument(
        `NewStartingHashKey ${at} used in SplitShard() on shard ${parent.shardId} in stream ${name} under account ${account} ` +
          `is not both greater than one plus the shard's StartingHashKey ${firstHash} and less than the shard's EndingHashKey ${lastHash}.`,
      );
  }

  split(parent: FakeShard, at: bigint, nowMs: number): readonly FakeShard[] {
    this.#close(parent, nowMs);
    const lineage = { parent: parent.shardId };
    const children = [
      this.#add(parent.shape.firstHash, at - 1n, lineage, nowMs),
      this.#add(at, parent.shape.lastHash, lineage, nowMs),
    ];
    parent.children = children.map((child) => child.shardId);
    return children;
  }

  checkMerge(left: FakeShard, right: FakeShard): void {
    const { name, account } = this.shape;
    if (
      left.shape.lastHash + 1n !== right.shape.firstHash ||
      left.closedMs !== undefined ||
      right.closedMs !== undefined
    )
      throw invalidArgument(
        `Shards ${left.shardId} and ${right.shardId} in stream ${name} under account ${account} are not an adjacent pair of shards eligible for merging`,
      );
  }

  merge(left: FakeShard, right: FakeShard, nowMs: number): FakeShard {
    this.#close(left, nowMs);
    this.#close(right, nowMs);
    const lineage = { parent: left.shardId, adjacentParent: right.shardId };
    const child = this.#add(left.shape.firstHash, right.shape.lastHash, lineage, nowMs);
    left.children = [child.shardId];
    right.children = [child.shardId];
    return child;
  }

  /** Splits at every new border, then merges over every old one: like the service, it leaves short-lived shards in between. */
  resize(shardCount: number, nowMs: number): void {
    const borders = evenRanges(shardCount).map(([first]) => first);
    for (const border of borders) {
      const shard = this.route(border);
      if (shard.shape.firstHash !== border) this.split(shard, border, nowMs);
    }
    for (const right of [...this.#open].sort(byHash)) {
      if (borders.includes(right.shape.firstHash)) continue;
      this.merge(this.route(right.shape.firstHash - 1n), right, nowMs);
    }
  }

  #add(firstHash: bigint, lastHash: bigint, lineage: Lineage, nowMs: number): FakeShard {
    // A child's second lies after its stream's, so that no sequence number of an earlier stream of this name fits.
    const bornS = Math.floor(this.shape.createdMs / 1000);
    const createdS = lineage.parent === undefined ? bornS : Math.max(bornS, Math.floor(nowMs / 1000)) + 1;
    const shard = new FakeShard({
      index: this.shards.length,
      firstHash,
      lastHash,
      openedMs: nowMs,
      createdS,
      ...lineage,
    });
    this.shards.push(shard);
    this.#open.push(shard);
    return shard;
  }

  #close(shard: FakeShard, nowMs: number): void {
    shard.closedMs = nowMs;
    shard.changes.announce();
    this.#open = this.#open.filter((open) => open !== shard);
  }
}

const byHash = (a: FakeShard, b: FakeShard): number => (a.shape.firstHash < b.shape.firstHash ? -1 : 1);

function evenRanges(count: number): [bigint, bigint][] {
  const width = HASH_LIMIT / BigInt(count);
  return Array.from({ length: count }, (_, i) => [
    width * BigInt(i),
    i === count - 1 ? HASH_LIMIT - 1n : width * BigInt(i + 1) - 1n,
  ]);
}
