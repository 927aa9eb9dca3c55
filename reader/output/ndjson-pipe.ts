/** Events as NDJSON on a pipe, such as stdout, that several streams share. */
import { NdjsonWriter } from './ndjson.ts';
import type { PipeFormat } from './modular-input.ts';

const NOTHING = new Uint8Array(0);

/** For an EventPipe. `receiver`: who reads it, for messages. */
export const ndjsonFormat = (receiver: string): PipeFormat => ({
  writer: new NdjsonWriter(),
  open: NOTHING,
  close: NOTHING,
  receiver,
});
