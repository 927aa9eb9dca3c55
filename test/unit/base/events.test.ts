/** Log lines and counters. */
import { describe, expect, it } from 'vitest';
import { EventLog, formatJson, formatLine, type LogLine } from '../../../base/events.ts';

describe('the event log', () => {
  it('counts an event even when its level is not shown', () => {
    const lines: LogLine[] = [];
    const log = new EventLog((line) => lines.push(line), 'warn');
    log.emit('fetch.throttled', { shard: 's-0' });
    log.emit('shard.stalled', { shard: 's-0' });
    log.count('records_read', 5);
    expect(lines.map((line) => line.name)).toEqual(['shard.stalled']);
    expect(log.totals()).toEqual({ records_read: 5, shard_stalls: 1, throttles: 1 });
  });

  it('writes one line whatever the fields hold', () => {
    const lines: string[] = [];
    const log = new EventLog((line) => lines.push(formatLine(line)), 'debug');
    log.emit('shard.failed', { shard: 'a b', error: 'two\nlines "quoted"', none: undefined, behindMs: 5 });
    expect(lines).toEqual([
      'shard.failed: a shard is not read any more; the other shards go on (shard="a b" error="two\\nlines \\"quoted\\"" behindMs=5)',
    ]);
  });

  it('writes one JSON object a line in which no field takes the place of time, level, event or message', () => {
    const lines: string[] = [];
    const log = new EventLog((line) => lines.push(formatJson(line, Date.UTC(2026, 0, 1))), 'debug');
    log.emit('shard.failed', { shard: 's-0', error: 'two\nlines', level: 'none', none: undefined });
    expect(lines).toEqual([
      '{"time":"2026-01-01T00:00:00.000Z","level":"error","event":"shard.failed","message":"a shard is not read any more; the other shards go on","shard":"s-0","error":"two\\nlines"}',
    ]);
  });
});
