/** The data of the bench on disk, made once: the same events as the records that producers would put. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { hecEvents, recordSizes, SEED } from './generate.ts';

export const CACHE = path.join(import.meta.dirname, '../../.cache/bench');
/** 96 MB of HEC lines: long enough to measure, short enough that the whole bench ends in minutes. */
const EVENTS = 200_000;

/** `lines`: HEC objects, one a line, 100 to 500 in a record. `gzip`: each of those records compressed at level 6. `single`: one object a record. */
export type Form = 'lines' | 'gzip' | 'single';

export function eventCount(): number {
  const asked = process.env['KINLOG_BENCH_EVENTS'];
  const count = asked === undefined ? EVENTS : Number(asked);
  if (!(Number.isInteger(count) && count >= 1000))
    throw new Error('KINLOG_BENCH_EVENTS is the number of events, 1000 or more');
  return count;
}

/** Records in order. */
export function corpus(form: Form, events = eventCount()): Buffer[] {
  return form === 'single' ? corpus('lines', events).flatMap(linesOf) : readPacked(packed(form, events));
}

export function totalBytes(records: readonly Uint8Array[]): number {
  return records.reduce((sum, record) => sum + record.length, 0);
}

/** Makes what is missing, so that no contender's first round pays for it. */
export function prepareCorpus(say: (text: string) => void): void {
  const forms = ['lines', 'gzip'] as const;
  if (forms.every((form) => existsSync(fileOf(form, eventCount())))) return;
  say(`generating ${eventCount()} events from seed ${SEED}`);
  for (const form of forms) packed(form, eventCount());
}

function fileOf(form: Form, events: number): string {
  return path.join(CACHE, `${form}-${SEED}-${events}.bin`);
}

function packed(form: 'lines' | 'gzip', events: number): string {
  const file = fileOf(form, events);
  if (existsSync(file)) return file;
  const records = form === 'lines' ? lineRecords(events) : corpus('lines', events).map((record) => gzipSync(record));
  mkdirSync(CACHE, { recursive: true });
  // Renamed when whole, so that a bench that was interrupted leaves no half of it.
  const partial = `${file}.${process.pid}`;
  writeFileSync(partial, pack(records));
  renameSync(partial, file);
  return file;
}

function lineRecords(events: number): Buffer[] {
  const sizes = recordSizes();
  const records: Buffer[] = [];
  let left = sizes.next().value as number;
  let lines = '';
  for (const event of hecEvents(events)) {
    lines += `${JSON.stringify(event)}\n`;
    if (--left > 0) continue;
    records.push(Buffer.from(lines));
    lines = '';
    left = sizes.next().value as number;
  }
  if (lines !== '') records.push(Buffer.from(lines));
  return records;
}

/** Length (uint32, little-endian) and bytes of each record. */
function pack(records: readonly Buffer[]): Buffer {
  return Buffer.concat(
    records.flatMap((record) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(record.length);
      return [length, record];
    }),
  );
}

function readPacked(file: string): Buffer[] {
  const bytes = readFileSync(file);
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = at + 4;
    const end = start + bytes.readUInt32LE(at);
    records.push(bytes.subarray(start, end));
    at = end;
  }
  return records;
}

function linesOf(record: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < record.length;) {
    const end = record.indexOf(10, start);
    lines.push(record.subarray(start, end));
    start = end + 1;
  }
  return lines;
}
