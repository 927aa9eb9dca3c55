/** What splunkd.log says of the app's inputs, in its last part. */
import path from 'node:path';
import { SCHEME } from '../input/options.ts';
import { ageOf } from './age.ts';
import { remedyIn } from './check-metrics.ts';
import { fault, ok, warning, type Finding } from './finding.ts';
import type { Host } from './host.ts';
import { loggedText } from './redact.ts';
import { lastLines } from './tail.ts';

const MAX_BYTES = 2 << 20;
const LATELY_MS = 24 * 3_600_000;
const MOST = 5;

interface Entry {
  readonly atMs: number;
  readonly level: string;
  readonly component: string;
  readonly text: string;
}

export async function checkSplunkdLog({ logFolder, now }: Host): Promise<Finding[]> {
  const tail = await lastLines(path.join(logFolder, 'splunkd.log'), MAX_BYTES);
  if (tail === undefined)
    return [
      warning(
        `there is no ${path.join(logFolder, 'splunkd.log')}`,
        'Check that $SPLUNK_HOME is right, and that splunkd has run.',
      ),
    ];
  const recent = tail.lines
    .filter((line) => line.includes(SCHEME) || line.includes('kinloader'))
    .flatMap(entryOf)
    .filter(({ atMs }) => now() - atMs < LATELY_MS);
  // The last of each kind: an input that fails says the same every half minute.
  const kinds = new Map(recent.flatMap((entry) => findingsOf(entry, now()).map((finding) => [kindOf(entry), finding])));
  if (kinds.size === 0) return [ok('splunkd.log tells of no failure of an input in the last day')];
  return [...kinds.values()].slice(-MOST);
}

/** `11-21-2026 12:45:01.123 +0000 ERROR ExecProcessor [1234 ExecProcessor] - message from "…" ERROR text` */
const LINE = /^(\d\d)-(\d\d)-(\d{4}) ([\d:.]{8,12}) ([+-]\d\d)(\d\d) (\w+) +(\w+)(?: \[[^\]]*\])? - (.*)$/;

function entryOf(line: string): Entry[] {
  const [, month, day, year, time, hours, minutes, level = '', component = '', text = ''] = LINE.exec(line) ?? [];
  const atMs = Date.parse(`${year}-${month}-${day}T${time}${hours}:${minutes}`);
  return Number.isNaN(atMs) ? [] : [{ atMs, level, component, text: text.replace(/^message from "[^"]*" */, '') }];
}

function findingsOf({ atMs, level, component, text }: Entry, now: number): Finding[] {
  const words = `splunkd.log, ${ageOf(now - atMs)} ago: ${loggedText(text)}`;
  if (/grace period/i.test(text))
    return [
      warning(words, 'It was killed at a stop: some events may have come twice. Report it when it happens again.'),
    ];
  if (component === 'ModularInputs' && (level === 'ERROR' || level === 'WARN'))
    return [fault(words, 'splunkd does not know the input: see the app and its --scheme above, then restart Splunk.')];
  if (level === 'ERROR' || level === 'FATAL') return [warning(words, remedyIn(text))];
  return [];
}

/** Without numbers, which differ from one time to the next. */
const kindOf = ({ text }: Entry): string =>
  /\bKINLOG_[A-Z_]+/.exec(text)?.[0] ?? text.replaceAll(/\d+/g, '0').slice(0, 60);
