/** Milliseconds to make one position durable, the median of many: `by` the LevelDB store, or by appending as many bytes to a file and fdatasync. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import path from 'node:path';
import { openLevelStore } from '../../reader/index.ts';
import type { Contender, Options } from '../contender.ts';
import { CACHE } from '../data/corpus.ts';
import { median } from '../statistics.ts';

const PUTS = 200;

export async function open({ by }: Options): Promise<Contender> {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(path.join(CACHE, 'checkpoints-'));
  const writer = by === 'leveldb' ? await levelWriter(folder) : await fileWriter(folder);
  return {
    round: async () => {
      const ms: number[] = [];
      for (let n = 0; n < PUTS; n++) {
        const begun = performance.now();
        await writer.write(n);
        ms.push(performance.now() - begun);
      }
      return median(ms);
    },
    close: async () => {
      await writer.close();
      rmSync(folder, { recursive: true });
    },
  };
}

interface Writer {
  write(n: number): Promise<unknown>;
  close(): Promise<void>;
}

function rowAt(n: number) {
  const sequenceNumber = `4967${String(n).padStart(52, '0')}`;
  return {
    shardId: 'shardId-000000000001',
    position: { kind: 'after', sequenceNumber, subSequence: 0, partial: false } as const,
    owner: 'host-1/4711/0a1b2c3d',
    parents: [],
    streamCreatedMs: Date.UTC(2026, 0, 1),
    arrivalMs: Date.UTC(2026, 10, 21) + n,
  };
}

async function levelWriter(folder: string): Promise<Writer> {
  const { signal } = new AbortController();
  const store = await openLevelStore(folder, { signal });
  const stream = { id: 'bench', createdMs: Date.UTC(2026, 0, 1) };
  let version: number | 'absent' = 'absent';
  return {
    write: async (n) => (version = await store.put(stream, rowAt(n), version, signal)),
    close: () => store.close(),
  };
}

async function fileWriter(folder: string): Promise<Writer> {
  const file = await openFile(path.join(folder, 'positions.log'), 'a');
  return {
    write: async (n) => {
      await file.appendFile(`${JSON.stringify(rowAt(n))}\n`);
      await file.datasync();
    },
    close: () => file.close(),
  };
}
