/** `make bench`: our speed and memory beside baselines. `main.ts [ROW…]`, all rows by default; exit 0 whatever the figures say, 1 when a row broke. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { eventCount, prepareCorpus } from './data/corpus.ts';
import { race } from './race.ts';
import { asJson, machine, rowText, summary, type Finished } from './report.ts';
import type { Row } from './row.ts';
import { ROWS } from './rows.ts';

const RESULTS = path.join(import.meta.dirname, 'results');

// How this machine reaches AWS: the reader would heed it, and parse a list of authorities at each start that no server here needs.
for (const name of Object.keys(process.env))
  if (/^(AWS_CA_BUNDLE|https?_proxy)$/i.test(name)) Reflect.deleteProperty(process.env, name);

const rows = chosen(process.argv.slice(2));
if (rows === undefined) process.exitCode = 2;
else await bench(rows);

async function bench(rows: readonly Row[]): Promise<void> {
  prepareCorpus(say);
  process.stdout.write(`${Object.values(machine()).join(', ')}; ${eventCount()} events\n\n`);
  const finished: Finished[] = [];
  for (const row of rows) {
    const outcome = await run(row);
    finished.push(outcome);
    say('');
    process.stdout.write(`${rowText(outcome)}\n`);
  }
  const date = new Date();
  mkdirSync(RESULTS, { recursive: true });
  const file = path.join(RESULTS, `${date.toISOString().replaceAll(':', '-').slice(0, 19)}.json`);
  writeFileSync(file, asJson(finished, eventCount(), date));
  process.stdout.write(`${summary(finished)}; ${path.relative(process.cwd(), file)}\n`);
  if (finished.some((outcome) => 'error' in outcome)) process.exitCode = 1;
}

async function run(row: Row): Promise<Finished> {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  try {
    const missing = row.prepare?.(say);
    if (missing !== undefined) return { row, missing, seconds: seconds() };
    const result = await race(row, (text) => say(`${row.name}: ${text}`));
    return { row, result, seconds: seconds() };
  } catch (error) {
    return { row, error: error instanceof Error ? (error.stack ?? error.message) : String(error), seconds: seconds() };
  }
}

function chosen(names: readonly string[]): readonly Row[] | undefined {
  const unknown = names.filter((name) => !ROWS.some((row) => row.name === name));
  if (unknown.length === 0) return names.length === 0 ? ROWS : ROWS.filter(({ name }) => names.includes(name));
  process.stderr.write(`no such row: ${unknown.join(', ')}. Rows: ${ROWS.map(({ name }) => name).join(' ')}\n`);
  return undefined;
}

/** What happens just now; one line that changes on a terminal. */
function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}
