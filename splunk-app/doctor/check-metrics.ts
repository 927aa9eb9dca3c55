/** What the inputs say of themselves in their metrics logs: whether they write, how far behind they are, and what went wrong lately. */
import path from 'node:path';
import { ERRORS } from '../../base/errors.ts';
import type { MetricsLine } from '../input/metrics-fields.ts';
import { nameOnDisk } from '../input/positions.ts';
import { ageOf } from './age.ts';
import { isOn } from './check-inputs.ts';
import { fault, ok, skipped, warning, type Finding } from './finding.ts';
import type { Host, Input } from './host.ts';
import { loggedText } from './redact.ts';
import { lastLines } from './tail.ts';

const MAX_BYTES = 512 << 10;
/** Beyond the interval in which lines come. */
const GRACE_MS = 60_000;
const LATE_MS = 15 * 60_000;
const UNSTORED_MS = 5 * 60_000;
const LATELY_MS = 3_600_000;
const MOST_ERRORS = 3;

export async function checkMetrics(host: Host): Promise<Finding[]> {
  const inputs = host.inputs.filter((input) => isOn(input) && input.options !== undefined);
  return (await Promise.all(inputs.map((input) => inputFindings(input, host)))).flat();
}

async function inputFindings({ name, options }: Input, { logFolder, now }: Host): Promise<Finding[]> {
  const { metricsIntervalS } = options!;
  if (metricsIntervalS === 0) return [skipped(`${name} writes no metrics log (metrics_interval_s = 0)`)];
  const tail = await lastLines(path.join(logFolder, `kinloader_metrics_${nameOnDisk(name)}.log`), MAX_BYTES);
  const lines = tail?.lines.flatMap(lineOf) ?? [];
  const stream = lines.findLast(({ kind }) => kind === 'stream');
  if (stream === undefined)
    return [
      fault(`${name} has written no metrics: it has not run yet`, 'See the processes above and splunkd.log below.'),
    ];
  const ageMs = now() - Date.parse(String(stream.time));
  const silent = !(ageMs < 2 * metricsIntervalS * 1000 + GRACE_MS);
  const state = silent
    ? [
        fault(
          `${name} has written no metrics for ${ageOf(ageMs)}: it stands still or does not run`,
          'See the processes above and splunkd.log below; disable and enable the input.',
        ),
      ]
    : streamFindings(name, stream);
  return [...state, ...errorFindings(name, lines, now())];
}

function lineOf(text: string): MetricsLine[] {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? [line] : [];
  } catch {
    return [];
  }
}

type Symptom = (name: string, stream: MetricsLine) => Finding | undefined;

const SYMPTOMS: readonly Symptom[] = [
  (name, { state, error, shards_failed: failed = 0 }) => {
    if (state !== 'failed' && failed === 0) return undefined;
    const what = state === 'failed' ? 'has given up' : `has given up ${failed} shards`;
    return fault(`${name} ${what}: ${loggedText(String(error ?? 'no reason is told'))}`, remedyIn(String(error)));
  },
  (name, { output_stalled: stalled }) =>
    stalled === 1
      ? fault(
          `${name}: its output takes nothing`,
          'See the queues of splunkd (Monitoring Console, Indexing Performance), or the HTTP Event Collector below.',
        )
      : undefined,
  (name, { behind_ms: behind = 0 }) =>
    Number(behind) > LATE_MS
      ? warning(
          `${name} is ${ageOf(Number(behind))} behind the stream`,
          'Watch whether that shrinks: records that age out are lost. docs/splunk/sizing.md says what limits it.',
        )
      : undefined,
  (name, { checkpoint_age_ms: unstored = 0 }) =>
    Number(unstored) > UNSTORED_MS
      ? warning(
          `${name} has stored no position for ${ageOf(Number(unstored))}, so that much comes again after a crash`,
          'See its position store.',
        )
      : undefined,
];

function streamFindings(name: string, stream: MetricsLine): Finding[] {
  const symptoms = SYMPTOMS.map((symptom) => symptom(name, stream)).filter((finding) => finding !== undefined);
  if (symptoms.length > 0) return symptoms;
  const { state = 'of unknown state', behind_ms: behind } = stream;
  const lag = behind === undefined ? 'nothing is known of its lag' : `${ageOf(Number(behind))} behind`;
  return [ok(`${name} is ${state}, ${lag}`)];
}

function errorFindings(name: string, lines: readonly MetricsLine[], now: number): Finding[] {
  const recent = lines.filter(
    ({ kind, level, time }) => kind === 'event' && level === 'error' && now - Date.parse(String(time)) < LATELY_MS,
  );
  const last = new Map(recent.map((line) => [`${line.event} ${line.code}`, line]));
  return [...last.values()].slice(-MOST_ERRORS).map(({ time, event, code, detail, text }) => {
    const words = loggedText(`${event}: ${detail ?? text ?? ''}`);
    return warning(`${name}, ${ageOf(now - Date.parse(String(time)))} ago: ${words}`, remedyIn(String(code)));
  });
}

/** What the list of errors says of the first code in the text. */
export function remedyIn(text: string): string {
  const code = /\bKINLOG_[A-Z_]+/.exec(text)?.[0];
  const known = code !== undefined && Object.hasOwn(ERRORS, code) ? ERRORS[code as keyof typeof ERRORS] : undefined;
  return known?.remedy ?? 'Search index=_internal for the input and that time.';
}
