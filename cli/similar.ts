/** What somebody probably meant who wrote a name that does not exist. */

/** ` (did you mean …?)`, or nothing when no name is close. */
export function similar(name: string, known: readonly string[]): string {
  const plain = (word: string) => word.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const ranked = known
    .map((candidate) => ({ candidate, edits: distance(plain(name), plain(candidate)) }))
    .filter(({ candidate, edits }) => edits <= Math.ceil(candidate.length / 3))
    .sort((a, b) => a.edits - b.edits);
  return ranked[0] === undefined ? '' : ` (did you mean ${ranked[0].candidate}?)`;
}

/** The beginning of a name, such as `token` of `tokenFile`, is as close as one letter. */
const distance = (given: string, candidate: string): number =>
  given.length > 2 && candidate.startsWith(given)
    ? Math.min(1, candidate.length - given.length)
    : edits(given, candidate);

/** Letters to insert, remove or replace (Levenshtein). */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, k) => k);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let k = 1; k <= b.length; k++)
      next.push(Math.min(row[k]! + 1, next[k - 1]! + 1, row[k - 1]! + Number(a[i - 1] !== b[k - 1])));
    row = next;
  }
  return row[b.length]!;
}
