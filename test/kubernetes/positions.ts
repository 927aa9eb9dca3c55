/** Looks at the positions in a DynamoDB table all the time, and knows whether one ever went back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readTable, storedPositions } from '../interop/lease-table.ts';
import type { Stored } from '../interop/tally.ts';

const PAUSE_MS = 100;

export class WatchedPositions {
  readonly #url: string;
  readonly #table: string;
  readonly #last = new Map<string, Stored>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** `shard: before -> after` for each step back. */
  readonly stepsBack: string[] = [];
  /** Times that a position was seen to move. */
  moves = 0;

  constructor(url: string, table: string) {
    this.#url = url;
    this.#table = table;
    this.#running = this.#watch();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      // There is no table before the first reader has made it.
      const table = await readTable(this.#url, this.#table).catch(() => undefined);
      if (table !== undefined) for (const [shard, stored] of storedPositions(table)) this.#look(shard, stored);
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #look(shard: string, stored: Stored): void {
    const before = this.#last.get(shard);
    const order = before === undefined ? 1 : compare(stored, before);
    if (order > 0) this.moves++;
    if (order < 0) this.stepsBack.push(`${shard}: ${JSON.stringify(before)} -> ${JSON.stringify(stored)}`);
    this.#last.set(shard, stored);
  }
}

function compare(one: Stored, other: Stored): number {
  if (one === 'end' || other === 'end') return Number(one === 'end') - Number(other === 'end');
  const difference = BigInt(one.sequence) - BigInt(other.sequence);
  return difference === 0n ? one.subSequence - other.subSequence : difference > 0n ? 1 : -1;
}
