/** `kinlog run` as a process, its file, and what it wrote, against a simulator in another process. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { startSimulatorProcess, type SimulatorProcess } from '../fakes/kinesis/child.ts';
import { run, ToolProcess, until } from './cli-process.ts';

/** One simulator for the tests of a file, and a folder for each of them; its members are there while a test runs. */
export function runScene(): { readonly current: RunScene } {
  let simulator: SimulatorProcess | undefined;
  let current: RunScene | undefined;
  beforeAll(async () => {
    simulator = await startSimulatorProcess({ settings: { readLimits: false } });
  });
  afterAll(() => simulator?.close());
  beforeEach(() => {
    current = new RunScene(simulator!);
  });
  afterEach(() => current?.close());
  return {
    get current() {
      return current!;
    },
  };
}

let streams = 0;

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

  async newStream(shards = 2): Promise<string> {
    const stream = `run-${++streams}`;
    await this.simulator.control({ do: 'create', stream, shards });
    return stream;
  }

  /** Events go to the file `events`. */
  get toFile(): string {
    return `output: { kind: ndjson, file: "${this.path('events')}" }`;
  }

  /** `{ stream: NAME, … }` at the simulator, read from its horizon and quick to look again. */
  stream(name: string, more = ''): string {
    return `{ stream: ${name}, endpoint: "${this.simulator.url}", region: us-east-1, start: horizon, idleMs: 250, checkpointEveryMs: 100${more} }`;
  }

  /** A status server on a free port; positions in LevelDB unless `store` says otherwise. */
  configure(text: string, store = `store: { kind: leveldb, directory: "${this.path('positions')}" }`): string {
    const file = this.path('reader.yaml');
    writeFileSync(file, `status: { listen: "127.0.0.1:0" }\n${store}\n${text}\n`);
    return file;
  }

  start(file: string, env?: Readonly<Record<string, string>>): RunProcess {
    return new RunProcess(file, env);
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
    return this.#files(name).flatMap((file) => eventsOf(readFileSync(file, 'utf8')));
  }

  /** The same while somebody writes: what is half there is not there yet. */
  arrivedIn(name: string): string[] {
    return this.#files(name).flatMap((file) => {
      // Rotation may have given it another name in between.
      const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
      return eventsOf(wholeLines(text));
    });
  }

  #files(name: string): string[] {
    return readdirSync(this.folder)
      .filter((file) => file.startsWith(name))
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .map((file) => this.path(file));
  }
}

export class RunProcess extends ToolProcess {
  constructor(file: string, env?: Readonly<Record<string, string>>) {
    super('main', ['run', '--config', file], env);
  }

  /** What has arrived so far. */
  get events(): string[] {
    return eventsOf(wholeLines(this.bytes.toString()));
  }

  said(text: string): Promise<void> {
    return until(() => this.stderr.includes(text), `${text} in\n${this.stderr}`);
  }

  async get(page: string, method = 'GET'): Promise<Response> {
    await this.said('status.listening');
    const [, address] = /address=(127\.0\.0\.1:\d+)/.exec(this.stderr)!;
    return fetch(`http://${address!}${page}`, { method, signal: AbortSignal.timeout(30_000) });
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

const wholeLines = (text: string) => text.slice(0, text.lastIndexOf('\n') + 1);

/** Every line is whole. */
function eventsOf(text: string): string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => (JSON.parse(line) as { event: string }).event);
}

export const numbered = (name: string, count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, n) => `${name} ${from + n}`);
