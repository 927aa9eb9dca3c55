/** What a run of the bench says: a table for people, and everything it stands on as JSON. */
import { availableParallelism, cpus, totalmem } from 'node:os';
import type { Measured, RowResult } from './race.ts';
import type { Row } from './row.ts';
import { judge, median, spread, type Goal, type Verdict } from './statistics.ts';

export type Finished = { readonly row: Row; readonly seconds: number } & (
  { readonly result: RowResult } | { readonly error: string } | { readonly missing: string }
);

/** The lines of one row. */
export function rowText(finished: Finished): string {
  const { row, seconds } = finished;
  const head = `${row.name}: ${row.title} (${seconds.toFixed(0)} s)`;
  if ('error' in finished) return `${head}\n  BROKEN: ${finished.error}\n`;
  if ('missing' in finished) return `${head}\n  NOT RUN: ${finished.missing}\n`;
  const { ours, baselines } = finished.result;
  const lines = [line(row, ours), ...further(ours)];
  if (row.goal !== undefined) lines.push(verdictLine(row, row.goal, judge(row.goal, ours.values, [])));
  row.baselines.forEach(({ goal }, i) => {
    const baseline = baselines[i]!;
    lines.push(line(row, baseline), ...further(baseline), comparison(row, goal, { ours, baseline }));
  });
  return `${[head, ...lines].join('\n')}\n`;
}

function line(row: Row, { label, values, peakMiB, cpuS }: Measured): string {
  const { median: middle, min, max } = spread(values);
  const between = `${min.toFixed(row.digits)} to ${max.toFixed(row.digits)}`;
  const cost = `${(cpuS / values.length).toFixed(2)} CPU s a round, peak ${peakMiB.toFixed(0)} MiB`;
  return `  ${label.padEnd(36)} ${middle.toFixed(row.digits).padStart(7)} ${row.unit} (${between}); ${cost}`;
}

function further({ also }: Measured): string[] {
  return Object.entries(also).map(([name, values]) => {
    const { median: middle, min, max } = spread(values);
    return `    ${name}: ${middle.toFixed(1)} (${min.toFixed(1)} to ${max.toFixed(1)})`;
  });
}

function comparison(
  row: Row,
  goal: Goal | undefined,
  { ours, baseline }: { ours: Measured; baseline: Measured },
): string {
  if (goal !== undefined) return verdictLine(row, goal, judge(goal, ours.values, baseline.values));
  const quotient = median(ours.values.map((value, round) => value / baseline.values[round]!));
  return `    ${quotient.toFixed(2)}x of it (no goal)`;
}

function verdictLine(row: Row, goal: Goal, verdict: Verdict): string {
  const show = (value: number) =>
    goal.of === 'ratio' ? `${value.toFixed(2)}x` : `${value.toFixed(row.digits)} ${row.unit}`;
  const sign = goal.kind === 'at least' ? '>=' : '<=';
  const aim = goal.aim === undefined ? '' : `, aim ${show(goal.aim)}`;
  const what = { ratio: '', more: ' more than it', value: '' }[goal.of];
  const judged = verdict.met ? 'MET' : `NOT MET (${(100 * verdict.reached).toFixed(0)} % of the way)`;
  const found = `${show(verdict.median)}${what} (${show(verdict.min)} to ${show(verdict.max)})`;
  return `    ${found}, goal ${sign} ${show(goal.limit)}${aim}: ${judged}`;
}

export function summary(rows: readonly Finished[]): string {
  const goals = rows.flatMap((finished) => verdicts(finished));
  const met = goals.filter(({ verdict }) => verdict.met).length;
  const broken = rows.filter((finished) => 'error' in finished).length;
  const missing = rows.filter((finished) => 'missing' in finished).length;
  const notRun = missing === 0 ? '' : `, ${missing} not run`;
  return `bench: ${met} of ${goals.length} goals met, ${rows.length} rows, ${broken} broken${notRun}`;
}

interface Judged {
  readonly against: string | undefined;
  readonly goal: Goal;
  readonly verdict: Verdict;
}

function verdicts(finished: Finished): Judged[] {
  if (!('result' in finished)) return [];
  const { row, result } = finished;
  const { values } = result.ours;
  const own =
    row.goal === undefined ? [] : [{ against: undefined, goal: row.goal, verdict: judge(row.goal, values, []) }];
  const others = row.baselines.flatMap(({ goal, label }, i) =>
    goal === undefined ? [] : [{ against: label, goal, verdict: judge(goal, values, result.baselines[i]!.values) }],
  );
  return [...own, ...others];
}

/** No name of the machine, only its class. */
export function machine(): Record<string, string | number> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpus: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
  };
}

export function asJson(rows: readonly Finished[], events: number, date: Date): string {
  const plain = rows.map((finished) => {
    const { name, title, unit } = finished.row;
    const { row: _row, seconds, ...outcome } = finished;
    const flat = 'result' in outcome ? outcome.result : outcome;
    return { name, title, unit, seconds, ...flat, goals: verdicts(finished) };
  });
  return `${JSON.stringify({ date: date.toISOString(), machine: machine(), events, rows: plain }, undefined, 2)}\n`;
}
