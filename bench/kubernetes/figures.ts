/** What was measured at one size, and what it should have been: lines for people, the same as JSON. */

export interface Figure {
  readonly title: string;
  readonly unit: string;
  readonly value: number;
  readonly digits: number;
  /** At most this. */
  readonly goal?: number;
  /** Of what it consists, or what it does not say. */
  readonly note?: string;
}

export interface Sized {
  readonly count: number;
  readonly seconds: number;
  readonly figures: readonly Figure[];
}

export function sizedText({ count, seconds, figures }: Sized): string {
  const head = `kubernetes: ${count} LogStreams (${seconds.toFixed(0)} s)`;
  return `${[head, ...figures.map(line)].join('\n')}\n`;
}

function line({ title, unit, value, digits, goal, note }: Figure): string {
  const found = `  ${title.padEnd(58)} ${amount(value.toFixed(digits).padStart(8), unit)}`;
  const judged =
    goal === undefined ? '' : `, goal <= ${amount(String(goal), unit)}: ${isMet({ goal, value }) ? 'MET' : 'NOT MET'}`;
  return `${found}${judged}${note === undefined ? '' : ` (${note})`}`;
}

const amount = (number: string, unit: string): string => (unit === '' ? number : `${number} ${unit}`);

const isMet = ({ goal, value }: { readonly goal: number; readonly value: number }): boolean => value <= goal;

export function verdict(sizes: readonly Sized[]): string {
  const judged = sizes.flatMap(({ figures }) =>
    figures.flatMap(({ goal, value }) => (goal === undefined ? [] : { goal, value })),
  );
  return `kubernetes: ${judged.filter(isMet).length} of ${judged.length} goals met`;
}

/** `share`: 0.5 for the median. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}
