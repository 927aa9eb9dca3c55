/** What the rows with Java need: the jars that `make test-interop` takes, too, and the class of ours beside them. */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { build, builtDirectory, missingTools } from '../test/interop/build.ts';
import { CACHE } from './data/corpus.ts';

const SOURCE = path.join(import.meta.dirname, 'java/KclReader.java');
const CLASSES = path.join(CACHE, 'kcl');
const jars = (): string => path.join(builtDirectory(), 'kcl2/lib/*');

/** Builds what is missing; answers what the machine lacks. */
export function prepareJava(say: (text: string) => void): string | undefined {
  const missing = missingTools();
  if (missing.length > 0) return `${missing.join(', ')} missing: a JDK of version 17 or later, and Maven`;
  build(say);
  return undefined;
}

export function prepareKcl(say: (text: string) => void): string | undefined {
  const missing = prepareJava(say);
  if (missing !== undefined) return missing;
  const built = path.join(CLASSES, 'KclReader.class');
  if (existsSync(built) && statSync(built).mtimeMs > statSync(SOURCE).mtimeMs) return undefined;
  const { error, status, stderr } = spawnSync('javac', ['--release', '17', '-cp', jars(), '-d', CLASSES, SOURCE]);
  if (error !== undefined) return 'javac missing: a JDK of version 17 or later';
  if (status !== 0) throw new Error(`javac: ${stderr.toString()}`);
  return undefined;
}

/** Arguments of `java`. */
export function kclArguments(): string[] {
  return [
    '-Xmx512m',
    // The simulator speaks JSON only.
    '-Daws.cborEnabled=false',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
    ...['-cp', `${CLASSES}:${jars()}`, 'KclReader'],
  ];
}
