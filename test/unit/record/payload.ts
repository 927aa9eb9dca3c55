/** Decodes whole payloads in batches of any size, as a reader would, into plain events that tests can compare. */
import { BatchBuilder, type EventBatch } from '../../../record/batch.ts';
import { MARK, type EventMeta } from '../../../record/event.ts';
import type { DecodeResult, RecordFormat } from '../../../record/format.ts';

export interface PlainEvent {
  readonly text: string;
  readonly timeUs?: number;
  readonly meta: EventMeta;
  readonly fields?: string;
  readonly mark: number;
}

export interface Decoding {
  /** Events a batch takes. */
  readonly capacity?: number;
  readonly onBatch?: (batch: EventBatch) => void;
}

/** Every batch with what `decode` said to it; a payload of another format is one raw event. */
export function decodeAll(format: RecordFormat, payload: Uint8Array, options: Decoding = {}): PlainEvent[] {
  const events: PlainEvent[] = [];
  const builder = new BatchBuilder(undefined, options.capacity);
  const seal = () => {
    const batch = builder.seal();
    options.onBatch?.(batch);
    events.push(...plainEvents(batch));
    builder.reset();
  };
  for (let from: number | undefined; ;) {
    const result = decodeOnce(format, payload, builder, from);
    if (result.kind === 'not-this') {
      const at = builder.load(payload);
      builder.add(at, at + payload.length, NaN, 0, MARK.undecoded);
    }
    if (result.kind === 'full' && builder.length === 0) throw new Error('full without an event: this would never end');
    seal();
    if (result.kind !== 'full') return events;
    from = result.resumeAt;
  }
}

export function decodeOnce(
  format: RecordFormat,
  payload: Uint8Array,
  builder: BatchBuilder,
  from?: number,
): DecodeResult {
  const start = builder.load(payload);
  return format.decode({ start, end: start + payload.length }, builder, from);
}

export function plainEvents(batch: EventBatch): PlainEvent[] {
  return [...batch].map(({ text, timeMs, meta, fields, mark }, i) => ({
    text,
    ...(timeMs === undefined ? {} : { timeUs: batch.timeUs[i]! }),
    meta,
    ...(fields === undefined ? {} : { fields }),
    mark,
  }));
}
