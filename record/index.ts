/** The public names of the record part: formats of log records, both directions, without any I/O. */
export { BatchBuilder, BatchPool, BATCH_EVENTS, type EventBatch, type EventBatchBuilder } from './batch.ts';
export { cloudwatch, cloudwatchFormat, type CloudwatchOptions } from './cloudwatch.ts';
export { compressionOf, decompress, type Compression } from './compress.ts';
export {
  RecordDecoder,
  UNDECODED_SOURCETYPE,
  type DecodeOptions,
  type DecodeTarget,
  type EncodedRecord,
  type FormatName,
} from './decode.ts';
export {
  MARK,
  type EventMeta,
  type IndexedFields,
  type IndexedValue,
  type LogEvent,
  type OutgoingEvent,
  type RecordPlace,
} from './event.ts';
export type { DecodeResult, Range, RecordFormat } from './format.ts';
export { BYTES_FIELD, encodeHec, hec } from './hec.ts';
export { DEFAULT_CEILING, type Damage, type Inflated, type Refused } from './inflate.ts';
export { json } from './json.ts';
export { encodeKinlog, kinlog, peekKinlog, type OutgoingHeader } from './kinlog.ts';
export type { KinlogHeader } from './kinlog-lines.ts';
export { deaggregate, hashOf, type HashRange, type KplAggregate } from './kpl.ts';
export { MetaRows, type MetaTable } from './meta-table.ts';
export { text, textFormat } from './text.ts';
export { UnbrokenOrder, UNBROKEN_LIMITS, type Released, type UnbrokenLimits } from './unbroken.ts';
