/** Reads the file of `kinlog run`: every fault at once, each with its line and its path. */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { awsClientConfig, type AwsAccess } from '../base/aws-access.ts';
import { configFaults } from '../base/config.ts';
import { streamId } from '../base/stream.ts';
import { isKinlogError } from '../base/errors.ts';
import { silentLog } from '../base/events.ts';
import { hecConfig } from '../reader/output/hec-config.ts';
import {
  runSchema,
  type DeadLettersConfig,
  type HecConfig,
  type OutputConfig,
  type StreamSettings,
} from './run-schema.ts';
import { similar } from './similar.ts';
import { storeName, type StoreConfig } from './store.ts';

/** A stream with the parts that count for it. */
export interface StreamConfig extends Omit<StreamSettings, 'store' | 'output' | 'deadLetters'> {
  /** Tells streams apart in metrics and logs: the name, and a number for the second of the same name. */
  readonly id: string;
  readonly store: StoreConfig;
  readonly output: OutputConfig;
  readonly deadLetters: DeadLettersConfig | undefined;
}

export interface RunConfig extends Omit<z.output<typeof runSchema>, 'store' | 'output' | 'deadLetters' | 'streams'> {
  readonly streams: readonly StreamConfig[];
}

type Path = readonly (string | number)[];
interface Fault {
  readonly path: Path;
  /** Follows the path. */
  readonly text: string;
}

/** For work on positions, which has no need of what only the output needs, such as the file of an authority. Throws one KINLOG_CONFIG_INVALID whose message names all faults. */
export function readRunConfig(file: string): RunConfig {
  const read = loadRunConfig(file, 'output');
  if ('faults' in read) throw configFaults(read.faults);
  return read.config;
}

type Loaded = { readonly config: RunConfig } | { readonly faults: readonly string[] };

/** `unused`: a part that nobody will open. */
export function loadRunConfig(file: string, unused?: 'output'): Loaded {
  try {
    return parseRunConfig(readFileSync(file, 'utf8'), file, unused);
  } catch (error) {
    return { faults: [`${file} can not be read: ${error instanceof Error ? error.message : String(error)}`] };
  }
}

export function parseRunConfig(text: string, file: string, unused?: 'output'): Loaded {
  const lines = new LineCounter();
  // Pretty messages would quote the file, secrets and all.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0)
    return { faults: problems.map(({ pos, message }) => `${file}:${lines.linePos(pos[0]).line}: ${message}`) };
  const raw: unknown = document.toJS();
  const parsed = runSchema.safeParse(raw);
  const config = parsed.success ? complete(parsed.data) : undefined;
  const faults = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => faultsOf(issue, raw)),
    ...missingParts(raw),
    ...(config === undefined ? [] : contradictions(config))
      .filter(({ path }) => unused === undefined || path.at(-1) !== unused)
      .map((fault) => whereItIsSaid(fault, raw)),
  ];
  if (config === undefined || faults.length > 0) return { faults: inOrder(faults, file, document, lines) };
  return { config };
}

function complete(given: z.output<typeof runSchema>): RunConfig {
  const { store, output, deadLetters, streams, ...rest } = given;
  const seen = new Map<string, number>();
  const withParts = streams.map((stream) => {
    const count = (seen.get(stream.stream) ?? 0) + 1;
    seen.set(stream.stream, count);
    // What is absent here is a fault that `missingParts` names.
    const parts = { store: (stream.store ?? store)!, output: (stream.output ?? output)! };
    const letters = { deadLetters: stream.deadLetters ?? deadLetters };
    return { ...stream, ...parts, ...letters, id: count === 1 ? stream.stream : `${stream.stream}#${count}` };
  });
  return { ...rest, streams: withParts };
}

function inOrder(faults: readonly Fault[], file: string, document: Document, lines: LineCounter): string[] {
  const named = faults
    .map(({ path, text }) => ({ offset: offsetOf(document, path), named: `${pathText(path)} ${text}` }))
    .sort((a, b) => a.offset - b.offset)
    .map(({ offset, named }) => `${file}:${Math.max(1, lines.linePos(offset).line)}: ${named}`);
  return [...new Set(named)];
}

function pathText(path: Path): string {
  if (path.length === 0) return 'the file';
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${part}`)).join('');
}

/** Where the value stands, or the innermost thing around it. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
    const range = (node as { range?: readonly number[] } | undefined)?.range;
    if (range?.[0] !== undefined) return range[0];
  }
  return 0;
}

function faultsOf(issue: z.core.$ZodIssue, raw: unknown): Fault[] {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path: [...path, key],
      text: `is not an option${similar(key, issue.message.split(' '))}`,
    }));
  const given = path.reduce<unknown>(
    (outer, part) => (outer as Record<string | number, unknown> | undefined)?.[part],
    raw,
  );
  const expects = issue.code === 'invalid_union' ? kindsAt(path) : issue.message;
  return [{ path, text: given === undefined ? `is missing: ${expects}` : `${shown(given)} must be ${expects}` }];
}

/** The only unions are those of stores and outputs. */
function kindsAt(path: Path): string {
  return path.includes('store') ? 'one of memory, leveldb, dynamodb, kv-store' : 'one of ndjson, hec';
}

function shown(value: unknown): string {
  if (value === null) return 'is empty but';
  if (Array.isArray(value)) return `is ${value.length === 0 ? 'an empty' : 'a'} list but`;
  if (typeof value === 'object') return 'is a group of options but';
  // A password that somebody wrote into a URL is a secret wherever it stands.
  const safe = (typeof value === 'string' ? value : JSON.stringify(value)).replace(/\/\/[^/\s]*@/, '//***@');
  return `is ${JSON.stringify(safe.length > 100 ? `${safe.slice(0, 100)}…` : safe)} but`;
}

/** Also found when something else is wrong, so that nobody has to try twice. */
function missingParts(raw: unknown): Fault[] {
  const { streams, ...top } = (raw ?? {}) as Record<string, unknown>;
  if (!Array.isArray(streams)) return [];
  return ['store', 'output'].flatMap((part) =>
    (streams as unknown[])
      .map((stream, i) => ({ stream, path: ['streams', i, part] }))
      .filter(({ stream }) => top[part] === undefined && isGroup(stream) && stream[part] === undefined)
      .map(({ path }) => ({ path, text: 'is missing: say it here, or at the top for all streams' })),
  );
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** What is right by itself, and wrong together. */
function contradictions({ streams }: RunConfig): Fault[] {
  return streams.flatMap((stream, i) => {
    if (!isGroup(stream.store) || !isGroup(stream.output)) return [];
    const path = ['streams', i] as const;
    const earlier = streams.slice(0, i);
    return [
      ...accessFaults(stream).map((text) => ({ path, text })),
      ...fanOutFaults(stream).map((text) => ({ path: [...path, 'fanOut'], text })),
      ...storeFaults(stream).map((text) => ({ path: [...path, 'store'], text })),
      ...outputFaults(stream).map((text) => ({ path: [...path, 'output'], text })),
      ...earlier.flatMap((other, k) => sharedFaults(stream, other, `streams[${k}]`).map((text) => ({ path, text }))),
    ];
  });
}

/** A part that stands at the top is at fault there, once, and not in each stream that uses it. */
function whereItIsSaid({ path, text }: Fault, raw: unknown): Fault {
  const [, index, part] = path;
  if (part !== 'store' && part !== 'output') return { path, text };
  const stream = (raw as { streams: readonly Record<string, unknown>[] }).streams[Number(index)];
  return { path: stream?.[part] === undefined ? [part] : path, text };
}

function storeFaults({ store }: StreamConfig): string[] {
  if (store.kind !== 'dynamodb') return [];
  const faults = accessFaults(store);
  if ((store.readCapacity === undefined) !== (store.writeCapacity === undefined))
    faults.push('must say both readCapacity and writeCapacity, or neither');
  return faults;
}

/** How AWS is reached is judged where it is used; that takes time, and only these can be wrong. */
function accessFaults(access: AwsAccess): string[] {
  const { roleArn, externalId, sessionName, webIdentityTokenFile, stsEndpoint, ca, proxy } = access;
  const given = [roleArn, externalId, sessionName, webIdentityTokenFile, stsEndpoint, ca, proxy];
  if (given.every((option) => option === undefined)) return [];
  try {
    awsClientConfig(access);
    return [];
  } catch (error) {
    if (isKinlogError(error, 'KINLOG_CONFIG_INVALID')) return [`has ${error.message}`];
    throw error;
  }
}

function fanOutFaults({ fanOut }: StreamConfig): string[] {
  const isArn = fanOut?.consumer.startsWith('arn:') === true;
  return isArn && fanOut.register ? ['must say the name of the consumer, not its ARN, to have it registered'] : [];
}

function outputFaults({ output, deadLetters }: StreamConfig): string[] {
  if (output.kind === 'hec') return hecFaults(output);
  const { file, rotate } = output;
  const faults = file !== undefined && file === deadLetters?.file ? [`and deadLetters write to ${file}`] : [];
  if (rotate === undefined) return faults;
  if (file === undefined) faults.push('has rotate but no file');
  if (rotate.maxMb === undefined && rotate.everyMinutes === undefined)
    faults.push('must say in rotate what ends a file: maxMb or everyMinutes, or both');
  return faults;
}

/** What the output itself has against it, so that nobody has to start it to hear that. */
function hecFaults(output: HecConfig): string[] {
  try {
    hecConfig({ ...output, token: () => Promise.resolve(''), log: silentLog() });
    return [];
  } catch (error) {
    if (isKinlogError(error, 'KINLOG_CONFIG_INVALID')) return [`is wrong: ${error.message}`];
    throw error;
  }
}

function sharedFaults(stream: StreamConfig, other: StreamConfig, otherName: string): string[] {
  const faults: string[] = [];
  const { store } = stream;
  const sameStore = store.kind !== 'memory' && storeName(store) === storeName(other.store);
  if (sameStore && streamId(stream.stream) === streamId(other.stream))
    faults.push(`and ${otherName} would keep their positions in the same rows of ${storeName(store)}`);
  else if (sameStore && store.kind === 'dynamodb' && store.keys !== 'stream')
    faults.push(`and ${otherName} share ${storeName(store)}, which must say keys: stream, or be two tables`);
  return [...faults, ...fileFaults(stream, other, otherName)];
}

/** Streams may write to one file, but only the same things in the same way. */
function fileFaults(stream: StreamConfig, other: StreamConfig, otherName: string): string[] {
  const faults: string[] = [];
  const file = commonFile([fileOf(stream.output)], [fileOf(other.output)]);
  if (file !== undefined && !isDeepStrictEqual(stream.output, other.output))
    faults.push(`and ${otherName} write to ${file} but rotate it differently`);
  const letters = commonFile([stream.deadLetters?.file], [other.deadLetters?.file]);
  if (letters !== undefined && !isDeepStrictEqual(stream.deadLetters, other.deadLetters))
    faults.push(`and ${otherName} put dead letters into ${letters} but limit it differently`);
  const mixed = commonFile(
    [fileOf(stream.output), stream.deadLetters?.file],
    [other.deadLetters?.file, fileOf(other.output)],
  );
  if (mixed !== undefined) faults.push(`and ${otherName} would mix events and dead letters in ${mixed}`);
  return faults;
}

/** The first that is in the same place of both. */
function commonFile(
  ours: readonly (string | undefined)[],
  theirs: readonly (string | undefined)[],
): string | undefined {
  return ours.find((file, i) => file !== undefined && file === theirs[i]);
}

const fileOf = (output: OutputConfig): string | undefined => (output.kind === 'ndjson' ? output.file : undefined);
