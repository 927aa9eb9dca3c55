/** The simulator in a process of its own, for tests that kill readers while the stream lives on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Command } from './control.ts';
import type { Call } from './fake.ts';
import type { Settings } from './service.ts';

export interface SimulatorProcess {
  readonly url: string;
  readonly pid: number;
  /** Rejects when the simulator refuses the command. */
  control(command: Command): Promise<unknown>;
  /** The call log from the `since`-th call on. */
  calls(since?: number): Promise<Call[]>;
  close(): Promise<void>;
}

export interface SimulatorProcessOptions {
  /** Name to number of shards. */
  readonly streams?: Readonly<Record<string, number>>;
  readonly settings?: Partial<Omit<Settings, 'accessKeys' | 'allow'>>;
}

export async function startSimulatorProcess(options: SimulatorProcessOptions = {}): Promise<SimulatorProcess> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'main.ts')], {
    env: { PATH: process.env['PATH'] ?? '', KINLOG_SIMULATOR: JSON.stringify(options) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = once(child, 'exit');
  const started = once(createInterface(child.stdout), 'line') as Promise<[string]>;
  const first = await Promise.race([started, gone]);
  if (typeof first[0] !== 'string') throw new Error('the simulator ended before it listened');
  const { url } = JSON.parse(first[0]) as { url: string };
  const control = async (command: Command): Promise<unknown> => {
    const response = await fetch(`${url}/_control`, { method: 'POST', body: JSON.stringify(command) });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Error(`${command.do}: ${JSON.stringify(answer)}`);
    return answer;
  };
  return {
    url,
    pid: child.pid ?? 0,
    control,
    calls: async (since = 0) => ((await control({ do: 'calls', since })) as { calls: Call[] }).calls,
    close: async () => {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
