/** Rows as a file: a line about the whole, then a line for each row; what was exported comes back unchanged, and of a damaged file nothing. */
import { isKinlogError, KinlogError } from '../../base/errors.ts';
import { objectIn, rowFrom, rowText } from './row.ts';
import type { ShardRow, StoredRow, StreamKey } from './store.ts';

/** Of the first line; rows carry a schema of their own. Raise it when an older kinlog would misread the file as a whole. */
const SCHEMA = 1;

/** Each line ends in a newline. The first one counts the rows, so that a file that was cut short is noticed. */
export function* exportLines(stream: StreamKey, rows: readonly StoredRow[]): Generator<string> {
  yield `${JSON.stringify({ schema: SCHEMA, stream: stream.id, rows: rows.length })}\n`;
  for (const row of rows) yield `${rowText(row, row.version)}\n`;
}

/** A row for another store: all of it but the lease and the version, which mean something only where they were written. */
export function withoutLease(row: StoredRow): ShardRow {
  const { version: _version, foreign: _foreign, owner: _owner, successor: _successor, ...rest } = row;
  return rest;
}

/** The rows of a file of `stream`; `name` names it in the one KINLOG_INPUT_INVALID that holds every fault with its line. */
export function exportedRows(text: string, stream: string, name: string): StoredRow[] {
  const [first = '', ...lines] = text.replace(/\n$/, '').split('\n');
  const faults: string[] = [];
  const count = attempt(faults, () => firstLine(first, stream, faults));
  const rows = new Map<string, StoredRow>();
  for (const [at, line] of lines.entries()) {
    const row = attempt(faults, () => rowFrom(line, `line ${at + 2}`));
    if (row === undefined) continue;
    if (rows.has(row.shardId)) faults.push(`line ${at + 2} is a second row of ${row.shardId}`);
    rows.set(row.shardId, row);
  }
  if (count !== undefined && count !== lines.length)
    faults.push(`line 1 announces ${count} rows, and ${lines.length} follow`);
  if (faults.length > 0) throw fileFaults(name, faults);
  return [...rows.values()];
}

function firstLine(line: string, stream: string, faults: string[]): number | undefined {
  const fields = objectIn(line, 'line 1');
  const { schema, rows } = fields;
  if (typeof schema !== 'number' || typeof rows !== 'number') {
    faults.push('line 1 is not the beginning of exported positions');
    return undefined;
  }
  if (schema > SCHEMA) faults.push(`line 1 has schema ${schema}, and this version knows none later than ${SCHEMA}`);
  if (fields['stream'] !== stream)
    faults.push(`line 1: these are positions of the stream ${JSON.stringify(fields['stream'])}, not of ${stream}`);
  return rows;
}

/** What `read` gives; its failure becomes a fault. */
function attempt<T>(faults: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isKinlogError(error)) throw error;
    faults.push(error.message);
    return undefined;
  }
}

/** Enough to see what kind of file it is, when every line is wrong. */
const SHOWN = 20;

function fileFaults(name: string, faults: readonly string[]): KinlogError {
  const more = faults.length > SHOWN ? [`and ${faults.length - SHOWN} more`] : [];
  return new KinlogError('KINLOG_INPUT_INVALID', `${name}: ${[...faults.slice(0, SHOWN), ...more].join('; ')}`, {
    remedy: 'Nothing was imported. Export the positions anew, or correct the lines that are named.',
  });
}
