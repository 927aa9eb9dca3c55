/** Every log line and counter kinlog can produce. A line and its counter come from one declaration, so they cannot disagree. */
/* eslint-disable max-lines -- a closed list is read as one; what is not list below it is short */

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** debug: for us; info: for the engineer who set it up; warn and error: for whoever is on call, so `text` says the consequence. */
interface EventKind {
  readonly level: Level;
  readonly text: string;
  /** Incremented by one at every emit. */
  readonly counter?: string;
}

const kind = (level: Level, text: string, counter?: string): EventKind =>
  counter === undefined ? { level, text } : { level, text, counter };

export const EVENTS = {
  'reader.started': kind('info', 'reading begins'),
  'reader.stopped': kind('info', 'reading has ended'),
  'reader.stalled': kind(
    'warn',
    'reading waits for an answer of Kinesis or of the position store; it is asked again, and no position moves',
    'reader_stalls',
  ),
  'reader.resumed': kind('info', 'what reading waited for was answered'),
  'reader.failed': kind(
    'error',
    'reading has stopped and nothing is delivered until the cause is removed',
    'reader_failures',
  ),
  'shard.started': kind('debug', 'a shard is read from here'),
  'shard.ended': kind('info', 'a closed shard was read to its end; its children follow', 'shards_ended'),
  'shard.waiting': kind('debug', 'a shard waits for its parents'),
  'shard.stalled': kind(
    'warn',
    'a shard can not be read for now and falls behind; its position is kept',
    'shard_stalls',
  ),
  'shard.recovered': kind('info', 'a stalled shard is read again'),
  'shard.failed': kind('error', 'a shard is not read any more; the other shards go on', 'shard_failures'),
  'lease.watching': kind(
    'info',
    'shards belong to a reader that may live; they are taken when it shows no sign of life',
  ),
  'lease.taken': kind('info', 'this reader reads a shard from now on', 'leases_taken'),
  'lease.stolen': kind(
    'warn',
    'a shard was not handed over in time and is taken; what its reader had not stored is delivered twice',
    'leases_stolen',
  ),
  'lease.asked': kind('debug', 'a busier reader is asked for a shard', 'leases_asked'),
  'lease.given': kind('info', 'a shard is handed over to the reader that asked for it', 'leases_given'),
  'lease.lost': kind(
    'warn',
    'another reader reads the shard; what was delivered here and not stored is delivered twice',
    'leases_lost',
  ),
  'lease.unconfirmed': kind(
    'warn',
    'the store has not confirmed for too long that the shards are still ours; deliveries wait for it',
    'leases_unconfirmed',
  ),
  'reader.same-name': kind(
    'warn',
    'another reader that lives has the same name; both work, but nobody can tell them apart',
  ),
  'reader.aside': kind(
    'error',
    'another reader reads the stream and this one is told to share it with nobody: nothing is read here until that one is gone',
    'readers_aside',
  ),
  'reader.beside': kind(
    'error',
    'another reader, which is told to share, reads the stream beside this one, which is told to share it with nobody: tell both the same',
    'readers_beside',
  ),
  'reader.elsewhere': kind(
    'warn',
    'the positions moved, and other readers go on using the store where they were: until they are changed too, what they read arrives twice',
  ),
  'stream.uncovered': kind(
    'warn',
    'the listing of shards leaves a part of the hash range out; it is asked for again',
    'listings_incomplete',
  ),
  'page.fetched': kind('debug', 'a page of records arrived'),
  'page.decoded': kind('debug', 'the events of a page are on their way to the output'),
  'batch.written': kind('debug', 'the output accepted a batch of events'),
  'checkpoint.storing': kind('debug', 'a position is about to be stored'),
  'fetch.throttled': kind('debug', 'Kinesis asked to slow down', 'throttles'),
  'fetch.retried': kind('debug', 'a call to Kinesis failed and is repeated', 'fetch_retries'),
  'iterator.expired': kind(
    'info',
    'an iterator expired and was renewed after the last record read',
    'iterators_expired',
  ),
  'subscription.ended': kind(
    'debug',
    'a subscription has ended, as it does every five minutes; the next one goes on behind it',
    'subscriptions_ended',
  ),
  'stream.data-loss': kind(
    'error',
    'reading can not go on where it had got to: records aged out unread, or the stored position is gone',
    'data_losses',
  ),
  'record.undecoded': kind('warn', 'a record could not be decoded and is delivered as it is', 'records_undecoded'),
  'record.damaged': kind('warn', 'a record was damaged but could be decoded', 'records_damaged'),
  'record.out-of-range': kind(
    'debug',
    'a user record of a KPL aggregate hashes outside its shard; it is delivered',
    'records_out_of_range',
  ),
  'unbroken.gap': kind(
    'warn',
    'a part of an unbroken stream did not arrive in time; what follows is delivered without it',
    'unbroken_gaps',
  ),
  'checkpoint.stored': kind('debug', 'a position was stored', 'checkpoints_stored'),
  'checkpoint.delayed': kind(
    'warn',
    'a position can not be stored for now; the shard waits for it, and after a crash what was accepted since would arrive twice',
    'checkpoints_delayed',
  ),
  'checkpoint.unswept': kind(
    'warn',
    'superseded rows could not be removed from the position store; it grows until they can',
    'checkpoint_sweep_failures',
  ),
  'checkpoint.moved': kind('info', 'the positions were taken over from the store that was used before'),
  'checkpoint.table-made': kind('info', 'the table for positions did not exist and was made'),
  'output.opened': kind('debug', 'the output has answered for the first time that it takes events'),
  'output.stalled': kind('warn', 'the output takes nothing; reading waits', 'output_stalls'),
  'output.resumed': kind('info', 'the output takes events again'),
  'output.refused': kind(
    'error',
    'the output refuses until a person acts; nothing is dropped, and it is tried again slowly',
    'output_refusals',
  ),
  'output.recovered': kind('info', 'what had refused takes events again'),
  'output.retried': kind('debug', 'the output did not take events and is tried again', 'output_retries'),
  'output.resent': kind(
    'warn',
    'events that were sent may be lost, because nobody said that they are safe; they are sent again and may arrive twice',
    'output_resends',
  ),
  'output.rotated': kind('info', 'the output file was large or old enough; a new one begins', 'output_rotations'),
  'output.cut': kind(
    'warn',
    'the last line of the output file was incomplete, as a crash leaves it, and was cut off; its events come again',
    'output_cuts',
  ),
  'events.dead-lettered': kind(
    'error',
    'the output refused events for good; they are put aside among the dead letters, and reading goes on behind them',
    'dead_letterings',
  ),
  'run.stopping': kind('info', 'asked to stop: finishing what was accepted'),
  'config.applied': kind('info', 'the configuration was read again and is in force'),
  'config.refused': kind(
    'error',
    'the configuration was read again and can not be taken; everything goes on as before',
    'config_refusals',
  ),
  'config.restart-needed': kind(
    'warn',
    'the configuration was read again, but these keys need a restart; everything goes on as before',
  ),
  'status.listening': kind('info', 'metrics and status are served'),
  'sender.retried': kind('debug', 'records were refused for now and are sent again', 'sender_retries'),
  'sender.stalled': kind('warn', 'the stream takes nothing; unsent events are kept and sent again', 'sender_stalls'),
  'sender.resumed': kind('info', 'the stream takes records again'),
  'sender.dropped': kind('error', 'events were dropped because the buffer is full', 'sender_drops'),
  'sender.failed': kind('error', 'events could not be sent', 'sender_failures'),
  'input.stopping': kind('info', 'asked to stop: finishing what was accepted'),
  'input.orphaned': kind('warn', 'the parent process is gone; stopping'),
  'input.warned': kind('warn', 'the runtime warns'),
  'metrics.stalled': kind(
    'warn',
    'the metrics log can not be written, and the dashboards show nothing new; reading goes on',
  ),
  'metrics.resumed': kind('info', 'the metrics log is written again'),
  'splunkd.waited': kind('warn', 'splunkd does not answer; it is asked again, and nothing is read before it does'),
  'secret.stored': kind(
    'info',
    'a secret that was typed into the stanza is in the password storage now; the stanza gets a mask, and splunkd starts the input anew',
  ),
  'secret.unmasked': kind(
    'error',
    'a secret stays readable in inputs.conf, because it could not be moved into the password storage; reading goes on with it',
    'secrets_unmasked',
  ),
  'check.open': kind(
    'info',
    'the table for positions does not exist; whether it may be made shows when the input first runs',
  ),
  'captain.here': kind('info', 'this host is the captain of the search-head cluster; the stream is read here'),
  'captain.elsewhere': kind(
    'info',
    'another host is the captain of the search-head cluster; nothing is read here until this one is',
  ),
  'captain.unknown': kind(
    'warn',
    'splunkd has not told for a minute whether this host is still the captain; reading stops until it does',
  ),
  'operator.started': kind('info', 'the operator runs and reads what there is in the cluster'),
  'operator.synced': kind('info', 'everything that there is in the cluster is known'),
  'operator.pod-monitors': kind('info', 'the cluster knows PodMonitors; readers get them'),
  'operator.stopping': kind('info', 'asked to stop: finishing what is under way'),
  'operator.stopped': kind('info', 'the operator has ended; readers go on'),
  'operator.failed': kind('error', 'the operator has ended; readers go on, but no change of a LogStream is acted on'),
  'leader.waiting': kind('info', 'another operator leads; this one stands by'),
  'leader.elected': kind('info', 'this operator leads from now on'),
  'leader.unconfirmed': kind('warn', 'the Lease of the leader can not be reached; it is tried again'),
  'leader.lost': kind('error', 'another operator may lead by now; this one ends and writes nothing more'),
  'leader.released': kind('info', 'this operator does not lead any more; another one may take over at once'),
  'reconcile.done': kind('debug', 'a LogStream is as it should be'),
  'reconcile.retried': kind('debug', 'a LogStream could not be brought up to date for now and is tried again'),
  'reconcile.refused': kind(
    'warn',
    'the API server refuses what a LogStream needs; what ran goes on, and it is tried again when something changes, at most every five minutes',
  ),
  'reconcile.overdue': kind('warn', 'bringing a LogStream up to date takes too long; it is given up and tried again'),
  'reconcile.crashed': kind(
    'error',
    'a fault of the operator keeps a LogStream from being brought up to date; the others go on',
  ),
  'recorder.dropped': kind(
    'debug',
    'an Event was not written, because there are too many or the API server does not take it',
  ),
  'watch.broken': kind('debug', 'a watch of the API server broke and is begun again'),
  'watch.stalled': kind(
    'warn',
    'changes of a kind can not be followed for now; what was known stays in force, and it is tried again',
    'watch_stalls',
  ),
  'watch.resumed': kind('info', 'changes of the kind are followed again'),
  'api.warned': kind('debug', 'the API server warns of something in a call'),
  'input.idle': kind('info', 'no stanza is configured; nothing to do'),
} as const satisfies Record<string, EventKind>;

export type EventName = keyof typeof EVENTS;
export type FieldValue = string | number | boolean | undefined;
export type Fields = Readonly<Record<string, FieldValue>>;

/** Totals that grow too fast for an event each. */
export const COUNTERS = {
  records_read: 'records read from Kinesis',
  bytes_read: 'bytes of record data read from Kinesis',
  events_delivered: 'events that the output accepted or that were put aside among the dead letters',
  events_dead_lettered: 'events that the output refused for good and that were put aside among the dead letters',
  events_delivered_late:
    'events whose delivery ended after the lease of their shard; another reader may deliver them too',
  rows_removed: 'rows of finished shards that aged out and were removed',
  events_undecoded: 'events delivered as they were, because no format explains them',
  records_empty: 'records without an event, such as the null records of a start-up check',
  records_dropped:
    'user records of KPL aggregates left out because they hash outside their shard and kplOutOfRange is drop',
  records_sent: 'records that Kinesis acknowledged',
  events_sent: 'events that Kinesis acknowledged',
} as const;

export interface LogLine {
  readonly name: EventName;
  readonly level: Level;
  readonly text: string;
  readonly fields: Fields;
}

/** Where log lines go and totals are kept; one per process, handed down as a parameter. */
export class EventLog {
  readonly #totals = new Map<string, number>();
  readonly #sink: (line: LogLine) => void;
  readonly #lowest: number;

  constructor(sink: (line: LogLine) => void, lowest: Level = 'info') {
    this.#sink = sink;
    this.#lowest = RANK[lowest];
  }

  emit(name: EventName, fields: Fields = {}): void {
    const { level, text }: EventKind = EVENTS[name];
    this.repeat(name);
    if (RANK[level] >= this.#lowest) this.#sink({ name, level, text, fields });
  }

  /** Counts it without a line: its like was said a moment ago. */
  repeat(name: EventName): void {
    const { counter }: EventKind = EVENTS[name];
    if (counter !== undefined) this.#add(counter, 1);
  }

  count(name: keyof typeof COUNTERS, by = 1): void {
    this.#add(name, by);
  }

  total(name: string): number {
    return this.#totals.get(name) ?? 0;
  }

  totals(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#totals].sort(([a], [b]) => a.localeCompare(b)));
  }

  #add(name: string, by: number): void {
    this.#totals.set(name, (this.#totals.get(name) ?? 0) + by);
  }
}

const RANK: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A log whose lowest level is `lowest` shows lines of this level. */
export const reaches = (level: Level, lowest: Level): boolean => RANK[level] >= RANK[lowest];

/** `shard.stalled: a shard can not … (shard=… error=…)`: one line, whatever the fields hold. */
export function formatLine(line: LogLine): string {
  const fields = formatFields(line.fields);
  return `${line.name}: ${line.text}${fields === '' ? '' : ` (${fields})`}`;
}

/** `shard=… error="…"`, on one line. */
export function formatFields(fields: Fields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${quote(String(value))}`)
    .join(' ');
}

/** One JSON object on one line, whatever the fields hold. `nowMs`: wall clock, milliseconds since the epoch. */
export function formatJson({ name, level, text, fields }: LogLine, nowMs: number): string {
  const said = { time: new Date(nowMs).toISOString(), level, event: name, message: text };
  // Twice: first so that a line begins with them, last so that no field takes their place.
  return JSON.stringify({ ...said, ...fields, ...said });
}

function quote(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters would break the line-oriented logs of splunkd and terminals
  return /^[^\s"=()\u0000-\u001f\u007f]+$/.test(text) ? text : JSON.stringify(text);
}

/** For tests and for callers who want no log. */
export const silentLog = (): EventLog => new EventLog(() => undefined);

/** `LEVEL text` lines on stderr, as splunkd reads them; also what the commands print. */
export function stderrLog(lowest: Level = 'info'): EventLog {
  return new EventLog((line) => process.stderr.write(`${line.level.toUpperCase()} ${formatLine(line)}\n`), lowest);
}
