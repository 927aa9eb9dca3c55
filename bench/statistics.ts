/** What rounds of measurements say: medians, their spread, and whether a goal is met. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** `ratio`: ours by the baseline's. `more`: ours minus the baseline's. `value`: ours alone. */
export interface Goal {
  readonly of: 'ratio' | 'more' | 'value';
  readonly kind: 'at least' | 'at most';
  readonly limit: number;
  /** What we would like to see beyond the goal; never judged. */
  readonly aim?: number;
}

export interface Verdict extends Spread {
  readonly met: boolean;
  /** 1 = exactly the goal; above: better than asked; below: this part of the way. */
  readonly reached: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Round by round, because what disturbs a machine disturbs neighbours in time alike; a quotient of two medians would mix good rounds with bad ones. */
export function compared(of: Goal['of'], ours: readonly number[], baseline: readonly number[]): Spread {
  if (of === 'value') return spread(ours);
  return spread(ours.map((value, round) => (of === 'ratio' ? value / baseline[round]! : value - baseline[round]!)));
}

export function judge(goal: Goal, ours: readonly number[], baseline: readonly number[]): Verdict {
  const found = compared(goal.of, ours, baseline);
  const { limit } = goal;
  const atLeast = goal.kind === 'at least';
  const met = atLeast ? found.median >= limit : found.median <= limit;
  return { ...found, met, reached: atLeast ? found.median / limit : limit / found.median };
}
