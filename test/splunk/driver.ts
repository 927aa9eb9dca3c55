/** Builds and unpacks the app, and starts its input as splunkd does: configuration on a stdin that stays open, stdout and stderr pipes, a foreign folder, an environment of splunkd's own. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { builtApp } from './built.ts';
import { inputDocument, itemsDocument, type Setting } from './splunkd/documents.ts';
import { EventDocument, type SplunkEvent } from './splunkd/event-document.ts';

const root = path.join(import.meta.dirname, '../..');
const BIN_FOLDERS: Readonly<Record<string, string>> = {
  'linux-x64': 'linux_x86_64/bin',
  'darwin-x64': 'darwin_x86_64/bin',
};
/** Where splunkd finds the launcher. */
const BIN = BIN_FOLDERS[`${process.platform}-${process.arch}`] ?? 'bin';

export interface SplunkApp {
  readonly archive: string;
  /** The app's folder, kinloader/. */
  readonly folder: string;
  readonly launcher: string;
  /** A folder of its own for each call, gone after `dispose`. */
  scratch(): string;
  dispose(): void;
}

/** Shared with the other suites: nothing in its folder may be changed. */
export function buildApp(): SplunkApp {
  const built = builtApp(packageInto);
  const work = mkdtempSync(path.join(tmpdir(), 'kinlog-splunk-'));
  const folder = path.join(built, 'kinloader');
  let count = 0;
  return {
    archive: path.join(built, 'kinloader.tar.gz'),
    folder,
    launcher: path.join(folder, BIN, 'kinesis_log.sh'),
    scratch: () => {
      const scratch = path.join(work, `scratch-${count++}`);
      mkdirSync(scratch);
      return scratch;
    },
    dispose: () => rmSync(work, { recursive: true, force: true }),
  };
}

/** Writes kinloader.tar.gz for this platform, or `kinloader-<name>.tar.gz` for each name. */
export function packageInto(folder: string, ...names: readonly string[]): void {
  execFileSync(process.execPath, ['splunk-app/package.ts', '--to', folder, ...names], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** What would break a Node or a shared library that inherits it. */
function hostileEnvironment(scratch: string): Record<string, string> {
  const libraries = path.join(scratch, 'splunk-lib');
  mkdirSync(libraries, { recursive: true });
  for (const library of ['libstdc++.so.6', 'libm.so.6']) writeFileSync(path.join(libraries, library), 'not a library');
  return {
    LD_LIBRARY_PATH: libraries,
    NODE_OPTIONS: '--no-such-option',
    OPENSSL_CONF: path.join(libraries, 'none.cnf'),
  };
}

const AWS = {
  AWS_ACCESS_KEY_ID: 'AKIATESTTESTTEST',
  AWS_SECRET_ACCESS_KEY: 'topsecrettopsecret',
  AWS_EC2_METADATA_DISABLED: 'true',
};
export const SESSION_KEY = 'session-key-of-splunkd';

export interface StartOptions {
  readonly args?: readonly string[];
  /** Written to stdin, which stays open. */
  readonly xml?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** `later`: nobody reads stdout until `read` is called. */
  readonly stdout?: 'now' | 'later';
  /** Started by this command line instead, as a shell would. */
  readonly command?: readonly [string, ...string[]];
  /** Who it runs as, by number; the own user otherwise. */
  readonly user?: number;
}

const LIMIT_MS = 30_000;

export class SplunkInput {
  readonly child: ChildProcess;
  /** What came on stdout, as an event stream. */
  readonly document = new EventDocument();
  stdout = '';
  stderr = '';
  /** Exit status, or the signal. */
  exited: number | NodeJS.Signals | undefined;
  /** Settles when the process is gone, though what it wrote may still lie in the pipe. */
  readonly gone: Promise<unknown>;
  readonly #pipe: Socket;
  readonly #decoder = new StringDecoder('utf8');
  #changed = Promise.withResolvers<undefined>();
  #reading = false;

  constructor(app: SplunkApp, { args = [], xml, env = {}, stdout = 'now', command, user }: StartOptions = {}) {
    const scratch = app.scratch();
    const [program, ...more] = command ?? [app.launcher, ...args];
    const pipe = openPipe(path.join(scratch, 'stdout'));
    this.#pipe = pipe.reader;
    this.child = spawn(program, more, {
      cwd: scratch,
      env: { PATH: '/usr/bin:/bin', HOME: scratch, ...AWS, ...hostileEnvironment(scratch), ...env },
      stdio: ['pipe', pipe.writer, 'pipe'],
      ...(user === undefined ? {} : { uid: user, gid: user }),
    });
    closeSync(pipe.writer);
    this.gone = once(this.child, 'exit');
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#note(() => (this.stderr += text)));
    this.#followEnd();
    this.child.stdin!.on('error', () => undefined);
    if (xml !== undefined) this.child.stdin!.write(xml);
    if (stdout === 'now') this.read();
  }

  /** Ended is who has exited and whose output is read; with a stdout that nobody reads, who has exited. */
  #followEnd(): void {
    const drained = new Promise((resolve) => this.#pipe.once('close', resolve));
    const end = (status: number | null, signal: NodeJS.Signals | null) =>
      this.#note(() => (this.exited = status ?? signal ?? undefined));
    this.child.on('close', (status, signal) => void drained.then(() => end(status, signal)));
    this.child.on('exit', (status, signal) => {
      if (!this.#reading) end(status, signal);
    });
  }

  /** Whole events on stdout so far. */
  get events(): number {
    return this.document.events.length;
  }

  get runs(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Goes on taking from stdout. */
  read(): void {
    const first = !this.#reading;
    this.#reading = true;
    if (first) this.#pipe.on('data', (chunk: Buffer) => this.#note(() => this.#took(chunk)));
    this.#pipe.resume();
  }

  /** Takes nothing more: what the pipe holds fills it, and then the input waits. */
  stall(): void {
    this.#pipe.pause();
  }

  /** The end of the pipe that splunkd holds is gone. */
  closeStdout(): void {
    this.#pipe.destroy();
  }

  #took(chunk: Buffer): void {
    this.document.write(chunk);
    this.stdout += this.#decoder.write(chunk);
  }

  /** Settles when the fact holds; looks again at every output and at the end of the process, and every 50 ms for facts of elsewhere. */
  async until(fact: () => boolean, what: string, limitMs = LIMIT_MS): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!fact()) {
      if (performance.now() > deadline) throw new Error(`${what} did not happen; stderr:\n${this.stderr}`);
      const tick = new Promise((resolve) => setTimeout(resolve, 50));
      await Promise.race([this.#changed.promise, tick]);
    }
  }

  async ended(): Promise<number | NodeJS.Signals> {
    await this.until(() => this.exited !== undefined, 'the end of the process');
    return this.exited!;
  }

  /** Of the whole process, bytes; 0 where the system does not tell. */
  get residentBytes(): number {
    const status = `/proc/${this.pid}/status`;
    if (!existsSync(status)) return 0;
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(status, 'utf8'))?.[1] ?? 0) * 1024;
  }

  /** Nothing of a test outlives it. */
  kill(): void {
    if (this.runs) this.child.kill('SIGKILL');
    this.child.stdin!.destroy();
    this.#pipe.destroy();
  }

  #note(change: () => unknown): void {
    change();
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }
}

/** A pipe as splunkd makes it: what Node would make for a child is a socket, with other buffers. */
function openPipe(name: string): { readonly reader: Socket; readonly writer: number } {
  execFileSync('mkfifo', [name]);
  const reader = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(name, constants.O_WRONLY);
  return { reader: new Socket({ fd: reader, readable: true, writable: false }), writer };
}

/** Events of a stream, and whether it was closed. Throws at the first byte that splunkd would not take. */
export function parseEvents(xml: string): { events: readonly SplunkEvent[]; whole: boolean } {
  const document = new EventDocument();
  document.write(Buffer.from(xml));
  if (document.fault !== undefined) throw new Error(document.fault);
  return document;
}

const head = (checkpointDir: string) => ({
  serverUri: 'https://127.0.0.1:8089',
  sessionKey: SESSION_KEY,
  checkpointDir,
});

/** What splunkd sends for enabled stanzas, built-in parameters and all. */
export function runXml(checkpointDir: string, ...stanzas: readonly Setting[]): string {
  const builtIns = {
    disabled: '0',
    host: '$decideOnStartup',
    index: 'default',
    interval: '0',
    start_by_shell: 'false',
  };
  const whole = stanzas.map(({ params, ...named }) => ({ ...named, params: { ...builtIns, ...params } }));
  return inputDocument(head(checkpointDir), whole);
}

export function itemsXml(params: Readonly<Record<string, string>>): string {
  return itemsDocument(head('/none'), { params });
}
