/** The two programs of the demo as an operator would run them: log2kinesis with a log on its stdin, and the packaged input as splunkd starts it. */
import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { EventStream, type SplunkEvent } from './tally.ts';

export const ROOT = path.join(import.meta.dirname, '../..');
export const FOLDER = path.join(ROOT, '.demo');

const NEWLINE = Buffer.from('\n');

/** Children still alive, to be ended by pid whatever happens. */
const alive = new Set<ChildProcessWithoutNullStreams>();

export function endAll(): void {
  for (const child of alive) child.kill('SIGKILL');
}

function start(program: string, args: readonly string[]): ChildProcessWithoutNullStreams {
  const child = spawn(program, args, {
    cwd: FOLDER,
    env: {
      PATH: process.env['PATH'],
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'demo',
      AWS_SECRET_ACCESS_KEY: 'demo',
    },
    stdio: 'pipe',
  });
  alive.add(child);
  child.once('exit', () => alive.delete(child));
  // A program that ends early is noticed by its exit, not by the pipe to it.
  child.stdin.on('error', () => undefined);
  return child;
}

export class Sender {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exit: Promise<number | null>;
  #said = '';

  constructor(endpoint: string, stream: string) {
    const log2kinesis = path.join(ROOT, 'dist/bin/log2kinesis');
    const meta = ['--source', 'access.log', '--sourcetype', 'access_combined', '--host', 'web-1'];
    const text = ['--timestamp', '', '--time-from', 'now'];
    this.#child = start(log2kinesis, ['send', '--stream-name', stream, '--endpoint-url', endpoint, ...meta, ...text]);
    this.#child.stderr.on('data', (said: Buffer) => (this.#said += said.toString()));
    this.#exit = once(this.#child, 'exit').then(([code]) => code as number | null);
  }

  async write(lines: readonly Buffer[]): Promise<void> {
    for (const line of lines)
      if (!this.#child.stdin.write(Buffer.concat([line, NEWLINE])))
        await Promise.race([once(this.#child.stdin, 'drain'), this.#exit]);
  }

  /** Settles when everything written is in the stream. */
  async end(): Promise<void> {
    this.#child.stdin.end();
    const code = await this.#exit;
    if (code !== 0) throw new Error(`log2kinesis ended with ${code ?? 'a signal'}: ${this.#said}`);
  }
}

export class PackagedInput {
  readonly #xml: string;
  readonly #onEvent: (event: SplunkEvent) => void;
  #child: ChildProcessWithoutNullStreams | undefined;
  #gone: Promise<unknown> = Promise.resolve();
  #lives = 0;
  /** Whether this life has said that it reads. */
  reading = false;

  constructor(endpoint: string, stream: string, onEvent: (event: SplunkEvent) => void) {
    const params = {
      stream_name: stream,
      aws_region: 'us-east-1',
      kinesis_endpoint: endpoint,
      initial_position: 'TRIM_HORIZON',
    };
    this.#onEvent = onEvent;
    this.#xml = `<?xml version="1.0" encoding="UTF-8"?><input><server_host>demo</server_host><server_uri>https://127.0.0.1:8089</server_uri><session_key>demo</session_key><checkpoint_dir>${FOLDER}/checkpoints</checkpoint_dir><configuration><stanza name="kinesis_log://demo" app="kinloader">${Object.entries(
      {
        ...params,
        host: '$decideOnStartup',
        index: 'default',
        interval: '0',
        disabled: '0',
        checkpoint_interval_s: '1',
      },
    )
      .map(([name, value]) => `<param name="${name}">${value}</param>`)
      .join('')}</stanza></configuration></input>`;
  }

  static unpack(): void {
    mkdirSync(FOLDER, { recursive: true });
    execFileSync('tar', ['-xzf', path.join(ROOT, 'dist/kinloader.tar.gz'), '-C', FOLDER]);
  }

  /** As splunkd does: configuration on a stdin that stays open, pipes for stdout and stderr. */
  start(): void {
    const child = start(launcher(), []);
    const events = new EventStream(this.#onEvent);
    const log = createWriteStream(path.join(FOLDER, `input-${++this.#lives}.log`));
    child.stdout.on('data', (chunk: Buffer) => events.write(chunk));
    child.stderr.pipe(log);
    this.reading = false;
    child.stderr.on('data', (said: Buffer) => (this.reading ||= said.includes('reader.started')));
    child.stdin.write(this.#xml);
    this.#child = child;
    this.#gone = once(child, 'close');
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#child?.kill(signal);
    await this.#gone;
  }

  get exitCode(): number | null | undefined {
    return this.#child?.exitCode;
  }
}

function launcher(): string {
  const folders: Partial<Record<string, string>> = {
    'linux-x64': 'linux_x86_64/bin',
    'darwin-x64': 'darwin_x86_64/bin',
  };
  return path.join(FOLDER, 'kinloader', folders[`${process.platform}-${process.arch}`] ?? 'bin', 'kinesis_log.sh');
}

/** What the demo leaves: nothing but the logs of the input's lives. */
export function tidy(): void {
  for (const name of ['kinloader', 'checkpoints']) rmSync(path.join(FOLDER, name), { recursive: true, force: true });
}
