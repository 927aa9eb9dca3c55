/** kinlog records that Go's encoding/json and compress/gzip wrote. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BatchBuilder } from '../../record/batch.ts';
import { MARK } from '../../record/event.ts';
import { encodeKinlog, kinlog, peekKinlog } from '../../record/kinlog.ts';

interface Vector {
  readonly name: string;
  readonly recordHex: string;
  readonly metadata: {
    readonly unbroken: boolean;
    readonly source: string;
    readonly sourcetype: string;
    readonly host: string;
    readonly index: string;
    readonly block_id: number;
  };
  readonly encIdText: string;
  readonly events: readonly { readonly isDone: boolean; readonly timeNs?: string; readonly dataHex: string }[];
}
const file = path.join(import.meta.dirname, 'vectors/kinlog-v1.json');
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { readonly vectors: readonly Vector[] };
const contentOf = (vector: Vector) => gunzipSync(Buffer.from(vector.recordHex, 'hex'));

describe.each(vectors.map((vector) => [vector.name, vector] as const))('the record "%s"', (_, vector) => {
  const { metadata, events } = vector;

  it('gives its events, times and metadata', () => {
    const content = contentOf(vector);
    const builder = new BatchBuilder();
    const start = builder.load(content);
    expect(kinlog.recognise(content)).toBe(true);
    expect(kinlog.decode({ start, end: start + content.length }, builder)).toEqual({ kind: 'done' });
    const batch = builder.seal();
    expect(batch.length).toBe(events.length);
    events.forEach((event, i) => {
      const bytes = Buffer.from(event.dataHex, 'hex');
      const whole = metadata.unbroken || bytes.at(-1) !== 10 ? bytes : bytes.subarray(0, -1);
      expect(Buffer.from(batch.at(i).data).toString('hex')).toBe(whole.toString('hex'));
      const timeUs = event.timeNs === undefined ? NaN : Number(floorDivide(BigInt(event.timeNs), 1000n));
      expect(batch.timeUs[i]).toBe(timeUs);
      expect(batch.at(i).mark).toBe(metadata.unbroken ? MARK.unbroken | (event.isDone ? MARK.done : 0) : 0);
      const { host, source, sourcetype, index } = metadata;
      const said = Object.entries({ host, source, sourcetype, index }).filter(([, value]) => value !== '');
      expect(batch.at(i).meta).toEqual(Object.fromEntries(said));
    });
  });

  it('says whose block it is, with every digit', () => {
    const { unbroken, source, sourcetype, host, index } = metadata;
    expect(peekKinlog(contentOf(vector))).toEqual({
      unbroken,
      source,
      sourcetype,
      host,
      index,
      encId: vector.encIdText,
      blockId: metadata.block_id,
    });
  });
});

// Times with an offset or nanoseconds, and ids beyond 2^53, are read but never written.
const writable = vectors.filter(({ name, encIdText }) => name !== 'times' && Number.isSafeInteger(Number(encIdText)));

it.each(writable.map((vector) => [vector.name, vector] as const))('"%s" is written byte for byte', (_, vector) => {
  const { unbroken, source, sourcetype, host, index, block_id: blockId } = vector.metadata;
  const written = encodeKinlog(
    { unbroken, source, sourcetype, host, index, encId: Number(vector.encIdText), blockId },
    vector.events.map(({ dataHex }) => ({ data: Buffer.from(dataHex, 'hex') })),
  );
  expect(written.toString()).toBe(contentOf(vector).toString());
});

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}
