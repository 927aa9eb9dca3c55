/** `kinlog run` as a process, its file, and what it wrote, against a simulator in another process. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import type { SimulatorProcess } from '../fakes/kinesis/child.ts';
import { run, ToolProcess, until } from './cli-process.ts';

export class RunScene {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'kinlog-run-'));
  readonly simulator: SimulatorProcess;

  constructor(simulator: SimulatorProcess) {
    this.simulator = simulator;
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  path(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  /** `{ stream: NAME, … }` at the simulator, read from its horizon and quick to look again. */
  stream(name: string, more = ''): string {
    return `{ stream: ${name}, endpoint: "${this.simulator.url}", region: us-east-1, start: horizon, idleMs: 250, checkpointEveryMs: 100${more} }`;
  }

  /** Positions in LevelDB, a status server on a free port. */
  configure(text: string): string {
    const file = this.path('reader.yaml');
    writeFileSync(
      file,
      `status: { listen: "127.0.0.1:0" }\nstore: { kind: leveldb, directory: "${this.path('positions')}" }\n${text}\n`,
    );
    return file;
  }

  start(file: string): RunProcess {
    return new RunProcess(file);
  }

  /** In records that fill with about 20 lines each; under one key, so in order. */
  async send(stream: string, lines: readonly string[]): Promise<void> {
    const to = [`--stream-name=${stream}`, '--endpoint-url', this.simulator.url, '--source=web', '--timestamp='];
    const sent = await run('log2kinesis', ['send', ...to, '--partition-key=source'], {
      input: `${lines.join('\n')}\n`,
    });
    expect(sent).toMatchObject({ status: 0, stderr: '' });
  }

  /** Texts of the events in FILE and the older files behind it, from the oldest on. Fails for a line that is cut. */
  eventsIn(name: string): string[] {
    return readdirSync(this.folder)
      .filter((file) => file.startsWith(name))
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .flatMap((file) => eventsOf(readFileSync(this.path(file), 'utf8')));
  }
}

export class RunProcess extends ToolProcess {
  constructor(file: string) {
    super('main', ['run', '--config', file]);
  }

  get events(): string[] {
    return eventsOf(this.bytes.toString());
  }

  said(text: string): Promise<void> {
    return until(() => this.stderr.includes(text), `${text} in\n${this.stderr}`);
  }

  async get(page: string, method = 'GET'): Promise<Response> {
    await this.said('status.listening');
    const [, address] = /address=(127\.0\.0\.1:\d+)/.exec(this.stderr)!;
    return fetch(`http://${address!}${page}`, { method, signal: AbortSignal.timeout(5000) });
  }

  async metrics(): Promise<ReadonlyMap<string, number>> {
    const page = await (await this.get('/metrics')).text();
    return new Map(
      page
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
  }
}

/** Every line is whole. */
function eventsOf(text: string): string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => (JSON.parse(line) as { event: string }).event);
}
