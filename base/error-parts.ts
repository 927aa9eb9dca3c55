/** Which part of a reader a failure is about: the stream that it reads, its output, its position store, or itself. */
import type { ErrorCode } from './errors.ts';

export type ErrorPart = 'source' | 'output' | 'store' | 'reader';

const OF_CODE: Partial<Record<ErrorCode, ErrorPart>> = {
  KINLOG_STREAM_NOT_FOUND: 'source',
  KINLOG_STREAM_DELETED: 'source',
  KINLOG_STREAM_RECREATED: 'source',
  KINLOG_SHARD_GONE: 'source',
  KINLOG_POSITION_REFUSED: 'source',
  KINLOG_POSITION_LOST: 'source',
  KINLOG_CONSUMER_UNAVAILABLE: 'source',
  KINLOG_SUBSCRIPTION_TAKEN: 'source',
  KINLOG_KMS_REFUSED: 'source',
  KINLOG_CREDENTIALS_MISSING: 'source',
  KINLOG_CREDENTIALS_REFUSED: 'source',
  KINLOG_PERMISSION_REFUSED: 'source',
  KINLOG_SERVICE_UNAVAILABLE: 'source',
  KINLOG_TLS_UNTRUSTED: 'source',
  KINLOG_REQUEST_REFUSED: 'source',
  KINLOG_OUTPUT_CLOSED: 'output',
  KINLOG_OUTPUT_FAILED: 'output',
  KINLOG_EVENTS_REFUSED: 'output',
  KINLOG_DEAD_LETTERS_FULL: 'output',
  KINLOG_SPLUNK_REFUSED: 'output',
  KINLOG_POSITION_MISSING: 'store',
  KINLOG_KCL_ALIVE: 'store',
  KINLOG_KV_COLLECTION_MISSING: 'store',
};

/** Of a failure that the place which met it did not name: AWS and Splunk each serve two parts, and their stores name themselves in the message. */
export function partOf({ code, message }: { readonly code: ErrorCode; readonly message: string }): ErrorPart {
  if (code.startsWith('KINLOG_CHECKPOINT_') || STORES.test(message)) return 'store';
  return OF_CODE[code] ?? 'reader';
}

/** Words of base/aws-errors.ts for DynamoDB, of the KV store and of LevelDB. */
const STORES =
  /\bon the table \S|\bdynamodb:[A-Z]|\bKV store\b|\bkv-store\b|\bcollection \S|session key|does not allow the use of|\bposition database\b/;
