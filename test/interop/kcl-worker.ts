/** A worker of the real KCL as a child process; KclWorker.java is the other half. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

export type KclVersion = 'kcl2' | 'kcl3';

export interface KclOptions {
  readonly version: KclVersion;
  readonly name: string;
  /** Its name, or `account:name:second of creation` for the mode that reads several. */
  readonly stream: string;
  readonly table: string;
  readonly kinesisUrl: string;
  readonly dynamoUrl: string;
  /** The worker stores that it took this event, takes nothing more of its shard and waits. */
  readonly holdAfter?: string;
}

/** Short, so that a worker finds within seconds what another one left. */
export const FAILOVER_MS = 2000;
/** No scenario needs a worker for longer; it is ended then whatever happens. */
const LIVES_MS = 280_000;
const STOPS_MS = 30_000;

interface Line {
  readonly event: string;
  readonly shard: string;
  readonly data?: string;
}

export class KclWorker {
  /** Texts of the events, in the order in which they came. */
  readonly taken: string[] = [];
  readonly #lines: Line[] = [];
  readonly #process: ChildProcess;
  readonly #gone: Promise<unknown>;
  #stderr = '';
  #stopping = false;

  constructor({ version, name, stream, table, kinesisUrl, dynamoUrl, holdAfter = '' }: KclOptions) {
    const folder = path.join(process.env['KINLOG_INTEROP'] ?? '', version);
    const classPath = `${path.join(folder, 'classes')}:${path.join(folder, 'lib')}/*`;
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=error';
    const small = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'];
    this.#process = spawn('java', [...small, quiet, '-cp', classPath, 'KclWorker'], {
      cwd: tmpdir(),
      stdio: 'pipe',
      timeout: LIVES_MS,
      killSignal: 'SIGKILL',
      env: {
        PATH: process.env['PATH'] ?? '',
        KINESIS_URL: kinesisUrl,
        DYNAMODB_URL: dynamoUrl,
        STREAM: stream,
        TABLE: table,
        WORKER: name,
        FAILOVER_MS: String(FAILOVER_MS),
        HOLD_AFTER: holdAfter,
      },
    });
    this.#gone = once(this.#process, 'exit');
    this.#process.stderr?.on(
      'data',
      (text: Buffer) => (this.#stderr = `${this.#stderr}${text.toString()}`.slice(-3000)),
    );
    createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#hear(line));
  }

  get log(): string {
    return this.#stderr;
  }

  /** What ended it before its time. */
  get failure(): string | undefined {
    const ended = this.#process.exitCode !== null || this.#process.signalCode !== null;
    return ended && !this.#stopping ? `the KCL has ended: ${this.#stderr}` : undefined;
  }

  /** Checkpoints that the KCL refused, and leases that it lost. */
  get troubles(): string[] {
    return this.#lines
      .filter(({ event }) => event.endsWith('-failed') || event === 'lost')
      .map(({ event, shard }) => `${event} ${shard}`);
  }

  /** Gracefully, as an application stops that is told to: every shard stores what it took. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#process.stdin?.write('stop\n');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOPS_MS);
    await this.#gone;
    clearTimeout(timer);
    if (this.#process.exitCode !== 0) throw new Error(`the KCL did not stop cleanly: ${this.#stderr}`);
  }

  async kill(): Promise<void> {
    this.#stopping = true;
    this.#process.kill('SIGKILL');
    await this.#gone;
  }

  #hear(text: string): void {
    if (!text.startsWith('{')) return;
    const line = JSON.parse(text) as Line;
    if (line.data === undefined) this.#lines.push(line);
    else this.taken.push(Buffer.from(line.data, 'base64').toString());
  }
}
