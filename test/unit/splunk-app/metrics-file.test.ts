/** The file that the metrics log is written to. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MetricsFile, type OpenMetricsFile } from '../../../splunk-app/input/metrics-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kinlog-metrics-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the file of metrics', () => {
  it('is followed by a new one when it is large, and so many old ones are kept', async () => {
    const file = path.join(folder, 'm.log');
    const metrics = new MetricsFile({ file, maxBytes: 100, keep: 3 });
    for (let n = 0; n < 10; n++) {
      metrics.add(`${n}`.repeat(99));
      await metrics.write();
    }
    expect(readdirSync(folder).sort()).toEqual(['m.log', 'm.log.1', 'm.log.2', 'm.log.3']);
    expect(readFileSync(file, 'utf8')).toBe(`${'9'.repeat(99)}\n`);
    expect(readFileSync(`${file}.3`, 'utf8')).toBe(`${'6'.repeat(99)}\n`);
  });

  it('may have a second writer, as after an edit', async () => {
    const file = path.join(folder, 'm.log');
    const both = [1, 2].map(() => new MetricsFile({ file, maxBytes: 1000, keep: 3 }));
    for (let n = 0; n < 20; n++)
      for (const metrics of both) {
        metrics.add(`line ${n}`);
        await metrics.write();
      }
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(40);
  });

  it('does not part a line that a failure has torn', async () => {
    const file = path.join(folder, 'm.log');
    let free = 150;
    const openFile: OpenMetricsFile = async (name) => {
      const handle = await open(name, 'a');
      const write = async (bytes: Uint8Array, from: number) => {
        if (free === 0) throw new Error('ENOSPC');
        const fits = bytes.subarray(from, from + free);
        free -= fits.length;
        return handle.write(fits);
      };
      return { write, stat: () => handle.stat(), close: () => handle.close() } as Awaited<ReturnType<OpenMetricsFile>>;
    };
    const metrics = new MetricsFile({ file, maxBytes: 100, keep: 3, openFile });
    metrics.add('a'.repeat(199));
    await expect(metrics.write()).rejects.toThrow(/could not be written: ENOSPC/);
    free = Infinity;
    metrics.add('b');
    await metrics.write();
    expect(readFileSync(file, 'utf8')).toBe(`${'a'.repeat(199)}\nb\n`);
    metrics.add('c');
    await metrics.write();
    expect(readFileSync(file, 'utf8')).toBe('c\n');
  });
});
