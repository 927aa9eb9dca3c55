/** What was sent, and what two readers together made of it. */
import { compareSequence } from '../../reader/checkpoint/position.ts';

export interface Sent {
  /** Unique; begins with the letter of its key. */
  readonly text: string;
  readonly shard: string;
  readonly sequence: string;
  /** Place in an aggregate; 0 without one. */
  readonly subSequence: number;
}

/** A stored position: everything up to this record is done, or the whole shard. */
export type Stored = { readonly sequence: string; readonly subSequence: number } | 'end';

export function lost(sent: readonly Sent[], taken: readonly string[]): string[] {
  const texts = new Set(taken);
  return sent.map(({ text }) => text).filter((text) => !texts.has(text));
}

export function duplicates(taken: readonly string[]): string[] {
  const seen = new Set<string>();
  return taken.filter((text) => seen.size === seen.add(text).size);
}

/** Events that came, for the first time, behind a later one of their key. */
export function disordered(sent: readonly Sent[], taken: readonly string[]): string[] {
  const order = new Map(sent.map(({ text }, i) => [text, i]));
  const latest = new Map<string, number>();
  return [...new Set(taken)].filter((text) => {
    const at = order.get(text) ?? -1;
    const late = at < (latest.get(text.charAt(0)) ?? -1);
    if (!late) latest.set(text.charAt(0), at);
    return late;
  });
}

/** Texts behind the stored positions. */
export function behind(sent: readonly Sent[], stored: ReadonlyMap<string, Stored>): Set<string> {
  const open = sent.filter(({ shard, sequence, subSequence }) => {
    const position = stored.get(shard);
    if (position === undefined) return true;
    return (
      position !== 'end' && (compareSequence(sequence, position.sequence) || subSequence - position.subSequence) > 0
    );
  });
  return new Set(open.map(({ text }) => text));
}
