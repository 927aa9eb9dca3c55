/** What must be true of readers that share a stream, judged afterwards from the log of everything they did. */
import type { EventName } from '../../base/events.ts';
import { comparePositions, compareSequence, positionText, type Position } from '../../reader/checkpoint/position.ts';
import type { StoredRow } from '../../reader/checkpoint/store.ts';
import type { Entry, PutEvent, SharedReader, SharedScene } from '../faults/shared-scene.ts';

type PutEntry = Extract<Entry, { kind: 'put' }>;

/** Every breach of a law, as text; empty when all hold. */
export function breaches(scene: SharedScene): string[] {
  return [
    ...lost(scene),
    ...outOfOrder(scene),
    ...puts(scene).flatMap((put) => [...wentBack(put), ...notTheirs(scene, put)]),
    ...new Book(scene).read(),
    ...alarms(scene),
  ];
}

export function puts(scene: SharedScene): PutEntry[] {
  return scene.entries.filter((entry) => entry.kind === 'put');
}

/** Invariant 1. */
function lost(scene: SharedScene): string[] {
  const accepted = new Set(scene.accepted);
  return [...scene.events.keys()].filter((text) => !accepted.has(text)).map((text) => `${text} was lost`);
}

/** Invariant 2: by first acceptance, whoever accepted. */
function outOfOrder(scene: SharedScene): string[] {
  const last = new Map<string, number>();
  const wrong: string[] = [];
  for (const text of new Set(scene.accepted)) {
    const { key } = scene.events.get(text)!;
    const n = Number(text.split(' ')[0]);
    if (n < (last.get(key) ?? -1)) wrong.push(`${key}: ${text} came after ${last.get(key)}`);
    last.set(key, n);
  }
  return wrong;
}

/** Invariants 5 and 18. */
function wentBack(put: PutEntry): string[] {
  const { row, before, by } = put;
  if (before === undefined || by === 'hand' || createsAgain(put)) return [];
  const faults: string[] = [];
  if (comparePositions(row.position, before.position) < 0)
    faults.push(
      `${by} moved ${row.shardId} back from ${positionText(before.position)} to ${positionText(row.position)}`,
    );
  if (row.version !== before.version + 1)
    faults.push(`${row.shardId} went from version ${before.version} to ${row.version}`);
  return faults;
}

/** Invariants 6 and 16: into the row of somebody else a reader writes nothing but that it wants it, or has taken it. */
function notTheirs(scene: SharedScene, put: PutEntry): string[] {
  const { by, row, before } = put;
  const me = scene.readers.find(({ name }) => name === by)?.me;
  if (before === undefined || by === 'hand' || before.owner === me) return [];
  return isAllowed(scene, put, me)
    ? []
    : [`${by} wrote the row of ${before.owner ?? 'nobody'} as ${JSON.stringify(row)}`];
}

function isAllowed(scene: SharedScene, put: PutEntry, me: string | undefined): boolean {
  const { row, before } = put;
  if (before === undefined || createsAgain(put)) return true;
  if (comparePositions(row.position, before.position) !== 0) return false;
  return row.owner === me || wants(row, before, me) || isRepeat(scene, put);
}

/** A new row whose answer was lost is made once more, perhaps by another part of the same reader, which begins the shard at another name for its beginning. */
function createsAgain({ row, before }: PutEntry): boolean {
  return before?.version === 1 && row.owner === undefined && !isRead(row) && !isRead(before);
}

const isRead = ({ position }: StoredRow): boolean => position.kind === 'after' || position.kind === 'end';

function wants(row: StoredRow, before: StoredRow, me: string | undefined): boolean {
  return row.owner === before.owner && before.successor === undefined && row.successor === me;
}

/** The answer was lost, and the reader has asked for the same again. */
function isRepeat(scene: SharedScene, { by, row, before }: PutEntry): boolean {
  const last = puts(scene).findLast((put) => put.row.shardId === row.shardId && put.row.version < row.version);
  return last?.by === by && before?.owner === row.owner && before?.successor === row.successor;
}

/** Nothing of what the runs do is a reason to call a person. */
function alarms(scene: SharedScene): string[] {
  return scene.readers.flatMap(({ name, lines }) =>
    lines
      .filter((line) => ALARMS.includes(line.name))
      .map((line) => `${name} said ${line.name} ${JSON.stringify(line.fields)}`)
      .filter((text) => !isOverdue(text)),
  );
}

const ALARMS: readonly EventName[] = ['stream.data-loss', 'shard.failed', 'reader.failed'];

/** A reader that is asked to stop while its store or its output stands still ends with this error, and should. */
const isOverdue = (text: string): boolean => text.includes('KINLOG_STOP_OVERDUE');

/** Goes through the log once, knowing at every entry what was stored and accepted until then. */
class Book {
  readonly #scene: SharedScene;
  readonly #rows = new Map<string, StoredRow>();
  readonly #accepted = new Set<string>();
  /** By reader and shard: what it accepted since the shard became its own, and from where it began. */
  readonly #tenures = new Map<string, { readonly from: Position; readonly texts: Set<string> }>();
  readonly #byShard = new Map<string, PutEvent[]>();
  /** By reader: events it handed over or accepted while their shard was somebody else's. */
  readonly #late = new Map<string, number>();
  /** By reader and shard: batches begun since it lost the shard. */
  readonly #begunAfterLoss = new Map<string, number>();
  /** Shards taken from owners that live, or changed by hand: their owners learn of it at their next look. */
  readonly #forced = new Set<string>();
  readonly #faults: string[] = [];

  constructor(scene: SharedScene) {
    this.#scene = scene;
    for (const event of scene.events.values()) {
      const events = this.#byShard.get(event.shardId) ?? [];
      this.#byShard.set(event.shardId, events);
      events.push(event);
    }
  }

  read(): string[] {
    for (const entry of this.#scene.entries) {
      if (entry.kind === 'put') this.#put(entry);
      else if (entry.kind === 'removed') this.#rows.delete(entry.shardId);
      else if (entry.kind === 'begun') this.#begun(entry.by, entry.shardId, entry.at);
      else if (entry.kind === 'accepted') this.#accept(entry.by, entry.shardId, entry.texts);
    }
    for (const [by, late] of this.#late) {
      const counted = this.#reader(by).log.total('events_delivered_late');
      if (counted < late) this.#faults.push(`${by} delivered ${late} events late and counted ${counted}`);
    }
    return this.#faults;
  }

  #reader(by: string): SharedReader {
    return this.#scene.readers.find(({ name }) => name === by)!;
  }

  #put(put: PutEntry): void {
    const { by, row, before } = put;
    this.#rows.set(row.shardId, row);
    if (by === 'hand') this.#forced.add(row.shardId);
    else this.#covered(put);
    if (row.owner === before?.owner) return;
    if (by !== 'hand') this.#moved(put, this.#reader(by).me);
    const holder = this.#scene.readers.find(({ me }) => row.owner !== undefined && me === row.owner);
    if (holder === undefined) return;
    const tenure = `${holder.name} ${row.shardId}`;
    this.#tenures.set(tenure, { from: row.position, texts: new Set() });
    this.#begunAfterLoss.delete(tenure);
  }

  #moved(put: PutEntry, me: string | undefined): void {
    const { row, before } = put;
    if (before === undefined) return;
    if (before.owner === me) this.#released(put);
    else if (row.owner === me && before.owner !== undefined && before.successor === me) this.#forced.add(row.shardId);
  }

  /** Invariant 4. */
  #covered({ row: { shardId, position }, at }: PutEntry): void {
    for (const event of this.#byShard.get(shardId) ?? [])
      if (covers(position, event) && !this.#accepted.has(event.text))
        this.#faults.push(
          `${at}: ${shardId} was stored at ${positionText(position)} before ${event.text} was accepted`,
        );
  }

  /** Invariant 7: who gives a shard away leaves nothing that is accepted and not stored. */
  #released({ by, row: { shardId, position }, at }: PutEntry): void {
    for (const text of this.#tenures.get(`${by} ${shardId}`)?.texts ?? [])
      if (!covers(position, this.#scene.events.get(text)!))
        this.#faults.push(`${at}: ${by} gave ${shardId} away at ${positionText(position)} and had delivered ${text}`);
  }

  /** Invariants 3 and 6. */
  #begun(by: string, shardId: string, at: number): void {
    for (const parent of this.#unfinishedParents(shardId))
      this.#faults.push(`${at}: ${by} delivered of ${shardId} before the end of ${parent} was stored`);
    if (this.#owns(by, shardId) || this.#forced.has(shardId)) return;
    const batches = (this.#begunAfterLoss.get(`${by} ${shardId}`) ?? 0) + 1;
    this.#begunAfterLoss.set(`${by} ${shardId}`, batches);
    if (batches > 1) this.#faults.push(`${at}: ${by} handed over batch ${batches} of ${shardId}, which it had lost`);
  }

  #unfinishedParents(shardId: string): readonly string[] {
    const parents = this.#rows.get(shardId)?.parents ?? [];
    return parents.filter((parent) => (this.#rows.get(parent)?.position.kind ?? 'end') !== 'end');
  }

  #owns(by: string, shardId: string): boolean {
    return this.#rows.get(shardId)?.owner === this.#reader(by).me;
  }

  #accept(by: string, shardId: string, texts: readonly string[]): void {
    const tenure = this.#tenures.get(`${by} ${shardId}`);
    for (const text of texts) {
      this.#accepted.add(text);
      if (tenure === undefined) continue;
      if (tenure.texts.has(text)) this.#faults.push(`${by} delivered ${text} twice`);
      if (covers(tenure.from, this.#scene.events.get(text)!))
        this.#faults.push(`${by} delivered ${text}, which was stored as accepted when it took ${shardId}`);
      tenure.texts.add(text);
    }
    if (!this.#owns(by, shardId) && !this.#forced.has(shardId))
      this.#late.set(by, (this.#late.get(by) ?? 0) + texts.length);
  }
}

function covers(position: Position, { sequenceNumber }: PutEvent): boolean {
  if (position.kind === 'end') return true;
  return position.kind === 'after' && compareSequence(sequenceNumber, position.sequenceNumber) <= 0;
}
