/** The public names of the sender: `kinlog/sender`. */
export { Sender, type SenderOptions, type SenderStats } from './sender.ts';
export type { PartitionKey } from './batch.ts';
export type { Compression } from './compress.ts';
export type { SendFormat } from './encode.ts';
export type { PutApi, PutEntry, PutTarget, Stored } from './put.ts';
export type { OutgoingEvent, EventMeta, IndexedFields, IndexedValue } from '../record/event.ts';
export { KinlogError } from '../base/errors.ts';
export { EventLog, stderrLog } from '../base/events.ts';
