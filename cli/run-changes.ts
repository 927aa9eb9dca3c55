/** What a new configuration changes, and whether a running process can take it. */
import { isDeepStrictEqual } from 'node:util';
import type { RunConfig, StreamConfig } from './run-config.ts';

export interface Changes {
  /** Keys that only a new process can take; when there are any, nothing is taken. */
  readonly needRestart: readonly string[];
  /** Keys that are taken at once. */
  readonly harmless: readonly string[];
  /** Indexes of the streams whose readers begin anew. */
  readonly streams: readonly number[];
}

const HARMLESS = ['logLevel', 'streams'];
const HARMLESS_IN_STREAM = ['checkpointEveryMs', 'idleMs'];

export function changesBetween(now: RunConfig, next: RunConfig): Changes {
  const top = differing(now, next);
  if (now.streams.length !== next.streams.length || now.streams.some(({ id }, i) => id !== next.streams[i]!.id))
    return { needRestart: top.filter((key) => key !== 'logLevel'), harmless: [], streams: [] };
  const inStreams = now.streams.map((stream, i) => differing<StreamConfig>(stream, next.streams[i]!));
  const keys = inStreams.flatMap((changed, i) => changed.map((key) => ({ key, name: `streams[${i}].${key}` })));
  const isHarmless = ({ key }: { readonly key: string }) => HARMLESS_IN_STREAM.includes(key);
  return {
    needRestart: [
      ...top.filter((key) => !HARMLESS.includes(key)),
      ...keys.filter((change) => !isHarmless(change)).map(({ name }) => name),
    ],
    harmless: [...top.filter((key) => key === 'logLevel'), ...keys.filter(isHarmless).map(({ name }) => name)],
    streams: inStreams.flatMap((changed, i) => (changed.length > 0 ? [i] : [])),
  };
}

function differing<T extends object>(now: T, next: T): string[] {
  const keys = new Set([...Object.keys(now), ...Object.keys(next)]);
  return [...keys].filter((key) => !isDeepStrictEqual(now[key as keyof T], next[key as keyof T]));
}
