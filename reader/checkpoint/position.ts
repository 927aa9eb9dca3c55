/** How far reading has got in a shard. A position only ever names what the output accepted. */

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
