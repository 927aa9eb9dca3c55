/** What the doctor found, for people and for programs; what came out of logs and conf files can not reach a terminal as a command. */
import type { Level } from '../splunk-app/doctor/finding.ts';
import type { NamedFinding } from '../splunk-app/doctor/examine.ts';

/** Control characters, and those that turn the direction of writing. */
// eslint-disable-next-line no-control-regex -- these are what is kept from the terminal
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const escaped = (text: string): string =>
  text.toWellFormed().replaceAll(UNSAFE, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** In the words that end the report. */
const COUNTED: readonly (readonly [Level, string])[] = [
  ['fault', 'faults'],
  ['warning', 'warnings'],
  ['skipped', 'not looked at'],
  ['ok', 'well'],
];

export function textReport(home: string, findings: readonly NamedFinding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length)) + 2;
  const lines = findings.flatMap(({ level, check, text, remedy }) => [
    `${level.padEnd(9)}${check.padEnd(width)}${escaped(text)}`,
    ...(remedy === undefined ? [] : [`${' '.repeat(9 + width)}→ ${escaped(remedy)}`]),
  ]);
  const counts = COUNTED.map(([level, words]) => `${countOf(findings, level)} ${words}`).join(', ');
  return `${escaped(home)}\n${lines.join('\n')}\n${counts}\n`;
}

export function jsonReport(splunkHome: string, findings: readonly NamedFinding[]): string {
  const counts = Object.fromEntries(COUNTED.map(([level]) => [level, countOf(findings, level)]));
  const json = JSON.stringify({ splunkHome, counts, findings }, null, 2);
  // What JSON itself leaves as it is; its own line ends stay.
  return `${json.replaceAll(UNSAFE, (one) => (one === '\n' ? one : escaped(one)))}\n`;
}

const countOf = (findings: readonly NamedFinding[], wanted: Level): number =>
  findings.filter(({ level }) => level === wanted).length;
