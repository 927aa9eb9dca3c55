/** `make bench-kubernetes`: the shipped operator with many LogStreams on a real control plane whose readers run nothing. `main.ts [COUNT…]`; exit 0 whatever the figures say, 1 when a size broke. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, missingTool } from '../../test/kubernetes/build.ts';
import { machine } from '../report.ts';
import { sizedText, verdict, type Sized } from './figures.ts';
import { run } from './run.ts';

const RESULTS = path.join(import.meta.dirname, '../results');
const IDLE_SECONDS = Number(process.env['KINLOG_BENCH_IDLE_SECONDS'] ?? 120);
const say = (text: string) => void process.stderr.write(`${text}\n`);

async function main(counts: readonly number[]): Promise<number> {
  const lack = process.platform === 'linux' ? missingTool() : 'Linux is missing';
  if (lack !== undefined) {
    say(`kubernetes: NOT RUN: ${lack}.`);
    return 0;
  }
  build(say);
  process.stdout.write(`${Object.values(machine()).join(', ')}\n\n`);
  const sizes: Sized[] = [];
  let status = 0;
  for (const count of counts) {
    try {
      const sized = await measured(count);
      sizes.push(sized);
      process.stdout.write(`${sizedText(sized)}\n`);
    } catch (error) {
      process.stdout.write(
        `kubernetes: ${count} LogStreams: BROKEN: ${error instanceof Error ? error.stack : String(error)}\n`,
      );
      status = 1;
    }
  }
  const date = new Date().toISOString();
  mkdirSync(RESULTS, { recursive: true });
  const file = path.join(RESULTS, `kubernetes-${date.replaceAll(':', '-').slice(0, 19)}.json`);
  writeFileSync(file, `${JSON.stringify({ date, machine: machine(), sizes }, undefined, 2)}\n`);
  process.stdout.write(`${verdict(sizes)}; ${path.relative(process.cwd(), file)}\n`);
  return status;
}

async function measured(count: number): Promise<Sized> {
  const begun = performance.now();
  const profile = process.env['KINLOG_BENCH_PROFILE'];
  const figures = await run({ count, idleSeconds: IDLE_SECONDS, profile, say: (text) => say(`${count}: ${text}`) });
  return { count, seconds: (performance.now() - begun) / 1000, figures };
}

const counts = process.argv.slice(2).map(Number);
if (counts.every((count) => Number.isSafeInteger(count) && count > 0))
  process.exitCode = await main(counts.length === 0 ? [1000, 5000] : counts);
else {
  say('how many LogStreams: whole numbers, such as 1000 5000');
  process.exitCode = 2;
}
