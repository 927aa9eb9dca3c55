/** Rows as people and programs read them. */
import { positionText } from '../reader/checkpoint/position.ts';
import type { StoredRow } from '../reader/checkpoint/store.ts';
import { ageText, plain, tableText } from './table.ts';

/** `ended`: read to its end; `waiting`: a parent is not; `owned`: a reader has it, or had it when it died; `free`: nobody reads it. */
type RowState = 'ended' | 'waiting' | 'owned' | 'free';

export function stateOf(row: StoredRow, unfinished: ReadonlySet<string>): RowState {
  if (row.position.kind === 'end') return 'ended';
  if (row.parents.some((parent) => unfinished.has(parent))) return 'waiting';
  return row.owner === undefined ? 'free' : 'owned';
}

/** Shards that are not read to their end. */
export function unfinishedOf(rows: readonly StoredRow[]): ReadonlySet<string> {
  return new Set(rows.filter(({ position }) => position.kind !== 'end').map(({ shardId }) => shardId));
}

const HEAD = ['SHARD', 'STATE', 'OWNER', 'LAST RECORD', 'READ TO', 'PARENTS', 'POSITION'];

export function rowsTable(rows: readonly StoredRow[], nowMs: number): string {
  const unfinished = unfinishedOf(rows);
  const cells = rows.map((row) => [
    row.shardId,
    stateOf(row, unfinished),
    ownerText(row),
    ageText(row.arrivalMs, nowMs),
    ageText(row.readToMs, nowMs),
    row.parents.join(' ') || '-',
    positionText(row.position),
  ]);
  return tableText(HEAD, cells);
}

export function ownerText({ owner, successor, foreign }: StoredRow): string {
  const next = successor === undefined ? '' : ` -> ${successor}`;
  return `${owner ?? '-'}${next}${foreign === true ? ' (not kinlog)' : ''}`;
}

/** The row with its state, as JSON shows it. */
export function rowJson(row: StoredRow, unfinished: ReadonlySet<string>): object {
  const { shardId, ...rest } = row;
  return { shardId, state: stateOf(row, unfinished), ...rest };
}

/** Every field on a line of its own. */
export function rowText(row: StoredRow, rows: readonly StoredRow[], nowMs: number): string {
  const time = (ms: number | undefined) =>
    ms === undefined || ms === 0 ? '-' : `${new Date(ms).toISOString()} (${ageText(ms, nowMs)})`;
  const fields: readonly (readonly [name: string, value: string])[] = [
    ['shard', row.shardId],
    ['state', stateOf(row, unfinishedOf(rows))],
    ['position', positionText(row.position)],
    ['owner', row.owner ?? '-'],
    ['successor', row.successor ?? '-'],
    ['written by', row.foreign === true ? 'another program' : 'kinlog'],
    ['version', String(row.version)],
    ['last record', time(row.arrivalMs)],
    ['read to', time(row.readToMs)],
    ['parents', row.parents.join(' ') || '-'],
    ['children', row.children?.join(' ') ?? '-'],
    ['hash range', `${row.startingHashKey ?? '?'} to ${row.endingHashKey ?? '?'}`],
    ['stream created', time(row.streamCreatedMs)],
  ];
  return fields.map(([name, value]) => `${`${name}:`.padEnd(16)}${plain(value)}\n`).join('');
}
