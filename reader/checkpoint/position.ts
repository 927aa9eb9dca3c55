/** How far reading has got in a shard. A position only ever names what the output accepted. */
import { KinlogError } from '../../base/errors.ts';

export type Position =
  /** Oldest record still in the shard. */
  | { readonly kind: 'horizon' }
  /** First record that arrived at or after this time (milliseconds since the epoch). */
  | { readonly kind: 'timestamp'; readonly ms: number }
  /** Everything up to this user record was accepted. `partial`: later user records of the same aggregate may still be missing, so reading
   *  resumes at the record itself and drops what is not after (sequenceNumber, subSequence). */
  | { readonly kind: 'after'; readonly sequenceNumber: string; readonly subSequence: number; readonly partial: boolean }
  /** The shard is closed and everything in it was accepted. */
  | { readonly kind: 'end' };

/** Order of two sequence numbers of one shard: decimal digits of any length. */
export function compareSequence(a: string, b: string): number {
  const left = a.replace(/^0+(?=\d)/, '');
  const right = b.replace(/^0+(?=\d)/, '');
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : left > right ? 1 : 0;
}

const RANK = { timestamp: 0, horizon: 1, after: 2, end: 3 } as const;

/** Negative when `a` lies before `b`: timestamp < horizon < after < end, and within one kind by its value. */
export function comparePositions(a: Position, b: Position): number {
  if (a.kind === 'after' && b.kind === 'after')
    return (
      compareSequence(a.sequenceNumber, b.sequenceNumber) ||
      a.subSequence - b.subSequence ||
      Number(b.partial) - Number(a.partial)
    );
  if (a.kind === 'timestamp' && b.kind === 'timestamp') return a.ms - b.ms;
  return RANK[a.kind] - RANK[b.kind];
}

/** One word or two for logs: `horizon`, `timestamp 2026-01-02T03:04:05.678Z`, `after 495…:0`, `end`; a trailing `+` says that the rest of the aggregate is still missing. */
export function positionText(position: Position): string {
  switch (position.kind) {
    case 'horizon':
    case 'end':
      return position.kind;
    case 'timestamp':
      return `timestamp ${Math.abs(position.ms) <= LAST_DATE_MS ? new Date(position.ms).toISOString() : position.ms}`;
    case 'after':
      return `after ${position.sequenceNumber}:${position.subSequence}${position.partial ? '+' : ''}`;
  }
}

const LAST_DATE_MS = 8.64e15;
/** Pattern of the Kinesis API model (2013-12-02, SequenceNumber). */
const SEQUENCE = /^(?:0|[1-9]\d{0,128})$/;

/** The position in a value that came out of a store; `where` names the row in the KINLOG_CHECKPOINT_UNREADABLE that anything else ends in. */
export function positionFrom(value: unknown, where: string): Position {
  const fields: Fields = typeof value === 'object' && value !== null ? { ...value } : {};
  const position = READ.get(fields['kind'])?.(fields);
  if (position === undefined)
    throw new KinlogError('KINLOG_CHECKPOINT_UNREADABLE', `${where} holds a position that means nothing`);
  return position;
}

type Fields = Partial<Record<string, unknown>>;

const READ = new Map<unknown, (fields: Fields) => Position | undefined>([
  ['horizon', () => ({ kind: 'horizon' })],
  ['timestamp', ({ ms }) => (isMilliseconds(ms) ? { kind: 'timestamp', ms } : undefined)],
  [
    'after',
    ({ sequenceNumber, subSequence, partial }) =>
      isSequence(sequenceNumber) && isIndex(subSequence) && typeof partial === 'boolean'
        ? { kind: 'after', sequenceNumber, subSequence, partial }
        : undefined,
  ],
  ['end', () => ({ kind: 'end' })],
]);

function isSequence(value: unknown): value is string {
  return typeof value === 'string' && SEQUENCE.test(value);
}

function isMilliseconds(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
