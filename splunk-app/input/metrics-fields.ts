/** The fields of the metrics log (sourcetype `kinlog:metrics`): what the dashboards, the alerts and the docs may build on. */

/** `stream`: the whole of one stanza; `shard`: one shard that is read here; `event`: something that a person may want to know of. */
export type LineKind = 'stream' | 'shard' | 'event';

interface Field {
  readonly in: readonly LineKind[];
  /** With its unit; absent from a line where nothing is known. */
  readonly text: string;
}

const everywhere = (text: string): Field => ({ in: ['stream', 'shard', 'event'], text });
const told = (text: string): Field => ({ in: ['stream', 'shard'], text });
const ofStream = (text: string): Field => ({ in: ['stream'], text });
const ofShard = (text: string): Field => ({ in: ['shard'], text });
const ofEvent = (text: string): Field => ({ in: ['event'], text });

export const METRICS_FIELDS = {
  time: everywhere('when the line was made, ISO 8601 in UTC with milliseconds'),
  kind: everywhere('`stream`, `shard` or `event`'),
  stanza: everywhere('full name of the input, such as `kinesis_log://prod`'),
  stream: everywhere('name of the Kinesis data stream'),
  region: everywhere('AWS region, where the stanza or the ARN names one'),
  reader: everywhere('how this reader calls itself in the rows of the position store'),
  pid: everywhere('process id'),
  started: everywhere(
    'when this run of the input began, ISO 8601; one value for each run, so that restarts can be counted',
  ),
  state: told(
    'of a stream: starting, reading, stopping, stopped, failed; of a shard: reading, handing-over, failed, or what became of it',
  ),
  error: told('why it stands still, with code and remedy'),
  behind_ms: told('how far behind the tip of the stream, milliseconds; of a stream its furthest shard'),
  checkpoint_age_ms: told(
    'how long accepted events have been waiting for their position to be stored, milliseconds; 0 = everything accepted is stored. After a crash these events come again',
  ),
  interval_ms: told('time that the counts of this line cover, milliseconds'),
  records_read: told('records read from Kinesis since the line before'),
  bytes_read: told('bytes of record data read from Kinesis since the line before, as they lie there'),
  events_delivered: told('events that the output accepted, or that were put aside, since the line before'),
  throttles: told('calls that Kinesis asked to slow down since the line before'),
  fetch_retries: told('calls to Kinesis that failed and were repeated since the line before'),
  data_losses: told('announcements of lost records since the line before'),
  records_undecoded: ofStream(
    'records that could not be decoded, and were delivered as they are, since the line before',
  ),
  events_dead_lettered: ofStream('events that the output refused for good since the line before'),
  output_stalls: ofStream('times that the output took nothing for a while since the line before'),
  leases_lost: ofStream('shards lost to another reader since the line before'),
  leases_stolen: ofStream('shards taken that were not handed over in time since the line before'),
  output_stalled: ofStream('1 while the output takes nothing, otherwise 0'),
  rss_bytes: ofStream('resident memory of the process, bytes'),
  shards_reading: ofStream('shards read by this reader'),
  shards_handing_over: ofStream('shards that are handed over to another reader at this moment'),
  shards_waiting: ofStream('shards whose parents are not finished'),
  shards_elsewhere: ofStream('shards that another reader reads'),
  shards_unowned: ofStream('shards that nobody reads yet'),
  shards_failed: ofStream('shards given up here until the next start'),
  shards_ended: ofStream('closed shards that were read to their end'),
  shards_left_out: ofStream('shards without a line of their own this time, because the lines are limited'),
  lines_left_out: ofStream('lines lost since the line before, because the metrics log could not be written'),
  shard: { in: ['shard', 'event'], text: 'id of the shard; `all` when an event concerns all of them' },
  arrival_ms: ofShard('when the last accepted record arrived in Kinesis, milliseconds since the epoch'),
  event: ofEvent('name of the event'),
  level: ofEvent('info, warn or error'),
  text: ofEvent('what the event means'),
  code: ofEvent('error code, where there is one'),
  detail: ofEvent('the other fields of the event, as in splunkd.log'),
} as const satisfies Readonly<Record<string, Field>>;

export type MetricsField = keyof typeof METRICS_FIELDS;
export type MetricsLine = { readonly [Name in MetricsField]?: string | number };
