/** A stream, a store, and readers that start, stop, stand still and die at random; time is virtual, and everything they do is in the scene's log. */
import { isKinlogError } from '../../base/errors.ts';
import { SharedScene, T, type SharedReader } from '../faults/shared-scene.ts';
import { internalFailure, throttled, expiredIterator, type Fault } from '../fakes/kinesis/faults.ts';
import { breaches, puts } from './leases-laws.ts';

export interface SharedSettings {
  readonly shards: number;
  readonly readers: number;
  readonly start: 'tip' | 'horizon';
  readonly checkpointEveryMs: number;
  readonly endOfShard: 'together' | 'empty-page';
  readonly childShards: boolean;
  readonly acceptsAfterMs: number;
  readonly maxPageBytes: number;
}

const MOST_READERS = 5;
const MOST_SHARDS = 6;

export const FAULTS: readonly Fault[] = [
  throttled(),
  internalFailure(),
  expiredIterator(),
  { kind: 'half-body' },
  { kind: 'empty-page' },
  { kind: 'reset' },
  { kind: 'lost-answer' },
  { kind: 'delay', ms: 2500 },
];

export class SharedModel {
  readonly scene: SharedScene;
  readonly #settings: SharedSettings;

  constructor(settings: SharedSettings) {
    const { shards, endOfShard, childShards, maxPageBytes } = settings;
    this.#settings = settings;
    this.scene = new SharedScene({ shards, service: { endOfShard, childShards, maxPageBytes } });
  }

  /** Settles once a reader has stored where reading begins: what is put from then on must arrive. */
  async begin(): Promise<void> {
    for (let n = 0; n < this.#settings.readers; n++) this.join();
    await this.scene.until(() => this.scene.rows.size >= this.#settings.shards);
  }

  join(): void {
    if (this.#living.length >= MOST_READERS) return;
    const { start, checkpointEveryMs, acceptsAfterMs } = this.#settings;
    const { output } = this.scene.join({ start: { kind: start }, checkpointEveryMs, listEveryMs: 10_000 });
    output.acceptsAfterMs = acceptsAfterMs;
  }

  get #living(): SharedReader[] {
    return this.scene.readers.filter(({ runs }) => runs);
  }

  /** Does something to a reader that lives, if there is one. */
  to(pick: number, what: (reader: SharedReader) => void): void {
    const living = this.#living;
    if (living.length > 0) what(living[pick % living.length]!);
  }

  split(pick: number): void {
    const { open } = this.scene.fake.stream('shared-logs');
    if (open.length < MOST_SHARDS) this.scene.fake.split('shared-logs', open[pick % open.length]!.shardId);
  }

  merge(pick: number): void {
    const open = [...this.scene.fake.stream('shared-logs').open].sort((a, b) =>
      a.shape.firstHash < b.shape.firstHash ? -1 : 1,
    );
    if (open.length < 2) return;
    const left = pick % (open.length - 1);
    this.scene.fake.merge('shared-logs', open[left]!.shardId, open[left + 1]!.shardId);
  }

  /** All is well again: what was put arrives, and those who live divide the shards. */
  async finish(): Promise<string[]> {
    const { scene } = this;
    scene.fake.faults.clear();
    Object.assign(scene.weather, { away: false, latencyMs: 0, lostAnswers: 0 });
    for (const reader of this.#living) {
      reader.store.weather = scene.weather;
      reader.output.release();
      reader.resume();
    }
    await scene.clock.advance(5 * T);
    if (this.#living.length === 0) this.join();
    const faults: string[] = [];
    await scene.delivered().catch(() => faults.push('not everything arrived within an hour'));
    await scene
      .until(() => scene.balanced, 60 * T)
      .catch(() => faults.push(`the shards were not divided: ${this.#loads}`));
    for (const reader of this.#living) await reader.stop();
    faults.push(...this.#kept());
    return [...faults, ...this.#ends(), ...breaches(scene)];
  }

  get #loads(): string {
    return this.#living.map(({ name, shards }) => `${name}: ${shards.join()}`).join('; ');
  }

  /** Shards whose reader left and kept them; one that was handed to it in its last moment it has never known of. */
  #kept(): string[] {
    return this.scene.unfinished
      .filter(({ shardId, owner }) => {
        const got = puts(this.scene).findLast(
          ({ row, before }) => row.shardId === shardId && row.owner !== before?.owner,
        );
        return owner !== undefined && this.scene.readers.find(({ me }) => me === owner)?.name === got?.by;
      })
      .map(({ shardId }) => `${shardId} has an owner though all have left`);
  }

  /** Nothing that happens here is a reason for a reader to end. */
  #ends(): string[] {
    return this.scene.readers
      .filter(({ error }) => error !== null && error !== undefined)
      .filter(({ error }) => !isKinlogError(error, 'KINLOG_STOP_OVERDUE'))
      .map(({ name, error }) => `${name} ended with ${String(error)}`);
  }
}
