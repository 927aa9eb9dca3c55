/** The fake HEC in a process of its own, for tests that kill one end of the connection. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Command, HecProcessOptions, State } from './control.ts';
import type { SentEvent } from './events.ts';

export interface HecProcess {
  readonly url: string;
  readonly port: number;
  /** Rejects when it refuses the command. */
  control(command: Command): Promise<unknown>;
  state(): Promise<State>;
  /** At once: what was accepted and not indexed is lost. */
  kill(): Promise<void>;
}

export async function startHecProcess(options: HecProcessOptions = {}): Promise<HecProcess> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'main.ts')], {
    env: { PATH: process.env['PATH'] ?? '', KINLOG_HEC: JSON.stringify(options) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  const started = once(createInterface(child.stdout), 'line') as Promise<[string]>;
  const first = await Promise.race([started, gone]);
  if (typeof first[0] !== 'string') throw new Error('the HEC ended before it listened');
  const { url, control: address } = JSON.parse(first[0]) as { url: string; control: string };
  const control = async (command: Command): Promise<unknown> => {
    const response = await fetch(address, { method: 'POST', body: JSON.stringify(command) });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`${command.do}: ${JSON.stringify(answer)}`);
    return answer;
  };
  return {
    url,
    port: Number(new URL(url).port),
    control,
    state: async () => (await control({ do: 'state' })) as State,
    kill: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** What was indexed in a `file` of HEC processes, in order. */
export function indexedIn(file: string): Omit<SentEvent, 'raw'>[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Omit<SentEvent, 'raw'>);
}
