/** A HEC in a process of its own, which outlives the readers of a test or dies before them, and `kinlog run` into it. */
import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, expect } from 'vitest';
import { indexedIn, startHecProcess, type HecProcess } from '../fakes/hec/child.ts';
import type { HecProcessOptions } from '../fakes/hec/control.ts';
import type { RunScene } from './run-scene.ts';

export const TOKEN = '6a1c6d3e-0000-4000-8000-00000000feed';
/** Stand in nothing that a process says. */
export const secrets: string[] = [TOKEN];

const running = new Set<HecProcess>();
afterEach(async () => {
  await Promise.all([...running].map((hec) => hec.kill()));
  running.clear();
});

export async function hecIn(scene: RunScene, options: HecProcessOptions = {}): Promise<HecProcess> {
  const hec = await startHecProcess({ tokens: { [TOKEN]: {} }, file: scene.path('indexed'), ...options });
  running.add(hec);
  return hec;
}

export async function killed(hec: HecProcess): Promise<void> {
  running.delete(hec);
  await hec.kill();
}

/** The token in its file, and the output that uses it. */
export function toHec(scene: RunScene, url: string, more = ''): string {
  const tokenFile = scene.path('token');
  if (!existsSync(tokenFile)) writeFileSync(tokenFile, `${TOKEN}\n`);
  return `output: { kind: hec, endpoints: ["${url}"], tokenFile: "${tokenFile}"${more} }`;
}

/** Texts of what a search would find, in the order in which it was indexed. */
export const indexed = (scene: RunScene) => indexedIn(scene.path('indexed')).map(({ event }) => event as string);

export async function stopped(reader: ReturnType<RunScene['start']>): Promise<void> {
  await reader.said('reader.started');
  reader.child.kill('SIGTERM');
  const { status, stderr, stdout } = await reader.finished();
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  for (const secret of secrets) expect(stderr).not.toContain(secret);
}
