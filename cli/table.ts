/** Tables that a person reads in a terminal. */

/** Columns as wide as their widest cell, two blanks between them. */
export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows.map((cells) => cells.map(plain))];
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => (cells[column] ?? '').length)));
  return lines
    .map((cells) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

/** What a store holds may have been written by anybody: nothing of it reaches the terminal as a command. */
export function plain(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what is kept from the terminal
  return /[\u0000-\u001f\u007f-\u009f]/.test(text) ? JSON.stringify(text).replaceAll(/[\u007f-\u009f]/g, '?') : text;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** `3 min ago`; `-` for a time that is not known. */
export function ageText(ms: number | undefined, nowMs: number): string {
  if (ms === undefined || ms === 0) return '-';
  const age = nowMs - ms;
  const [unit, size] = UNITS.find(([, least]) => age >= least) ?? ['s', 1000];
  return age < 0 ? new Date(ms).toISOString() : `${Math.floor(age / size)} ${unit} ago`;
}
