/** Builds and unpacks the app, and starts its input as splunkd does: configuration on a stdin that stays open, stdout and stderr pipes, a foreign folder, an environment of splunkd's own. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SaxesParser } from 'saxes';

const root = path.join(import.meta.dirname, '../..');
const BIN_FOLDERS: Readonly<Record<string, string>> = {
  'linux-x64': 'linux_x86_64/bin',
  'darwin-x64': 'darwin_x86_64/bin',
};
export const BIN = BIN_FOLDERS[`${process.platform}-${process.arch}`] ?? 'bin';

export interface SplunkApp {
  readonly archive: string;
  /** The app's folder, kinloader/. */
  readonly folder: string;
  readonly launcher: string;
  /** A folder of its own for each call, gone with the app. */
  scratch(): string;
  dispose(): void;
}

/** Unpacked by the system's tar, which knows nothing of our writer. */
export function buildApp(): SplunkApp {
  const work = mkdtempSync(path.join(tmpdir(), 'kinlog-splunk-'));
  const archive = path.join(work, 'kinloader.tar.gz');
  packageInto(archive);
  execFileSync('tar', ['-xzf', archive, '-C', work]);
  const folder = path.join(work, 'kinloader');
  let count = 0;
  return {
    archive,
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

export function packageInto(archive: string): void {
  execFileSync(process.execPath, ['splunk-app/package.ts', archive], {
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
}

const END_OF_EVENT = '</event>';
const LIMIT_MS = 30_000;

export class SplunkInput {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  /** Whole events on stdout so far. */
  events = 0;
  /** Exit status, or the signal. */
  exited: number | NodeJS.Signals | undefined;
  #changed = Promise.withResolvers<undefined>();
  #reading = false;
  /** Too short to hold the end of an event, long enough for all of it but one character. */
  #tail = '';

  constructor(app: SplunkApp, { args = [], xml, env = {}, stdout = 'now', command }: StartOptions = {}) {
    const scratch = app.scratch();
    const [program, ...more] = command ?? [app.launcher, ...args];
    this.child = spawn(program, more, {
      cwd: scratch,
      env: { PATH: '/usr/bin:/bin', HOME: scratch, ...AWS, ...hostileEnvironment(scratch), ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#note(() => (this.stderr += text)));
    this.child.on('close', (status, signal) => this.#note(() => (this.exited = status ?? signal ?? undefined)));
    // With a stdout that nobody reads, `close` never comes.
    this.child.on('exit', (status, signal) => {
      if (!this.#reading) this.#note(() => (this.exited = status ?? signal ?? undefined));
    });
    this.child.stdin!.on('error', () => undefined);
    if (xml !== undefined) this.child.stdin!.write(xml);
    if (stdout === 'now') this.read();
  }

  get pid(): number {
    return this.child.pid!;
  }

  read(): void {
    this.#reading = true;
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#note(() => this.#took(text)));
  }

  #took(text: string): void {
    const joint = this.#tail + text;
    this.events += joint.split(END_OF_EVENT).length - 1;
    this.#tail = joint.slice(-END_OF_EVENT.length + 1);
    this.stdout += text;
  }

  /** Settles when the fact holds; looks again at every output and at the end of the process, and every 50 ms for facts of elsewhere. */
  async until(fact: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + LIMIT_MS;
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
    if (this.exited === undefined) this.child.kill('SIGKILL');
    this.child.stdin!.destroy();
    this.child.stdout!.destroy();
  }

  #note(change: () => unknown): void {
    change();
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }
}

export interface SplunkEvent {
  readonly stanza: string;
  /** Children of <event> with their text. */
  readonly fields: Readonly<Record<string, string>>;
}

/** Events of a stream, by an XML parser that none of us wrote. Throws at the first fault of the XML; `whole` tells whether the document was closed. */
export function parseEvents(xml: string): { events: SplunkEvent[]; whole: boolean } {
  const events: SplunkEvent[] = [];
  let fields: Record<string, string> = {};
  let stanza = '';
  let text = '';
  const ended: string[] = [];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    text = '';
    if (name !== 'event') return;
    stanza = attributes['stanza'] ?? '';
    fields = {};
  });
  parser.on('text', (piece) => (text += piece));
  parser.on('closetag', ({ name }) => {
    if (name === 'event') events.push({ stanza, fields });
    else if (name === 'stream') ended.push(name);
    else fields[name] = text;
  });
  parser.write(xml);
  const whole = ended.length > 0;
  if (whole) parser.close();
  return { events, whole };
}

export interface Setting {
  readonly name?: string;
  readonly params: Readonly<Record<string, string>>;
}

const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
const paramsXml = (params: Readonly<Record<string, string>>) =>
  Object.entries(params)
    .map(([name, value]) => `<param name="${name}">${escape(value)}</param>`)
    .join('');
const head = (checkpointDir: string) =>
  `<server_host>hf1</server_host><server_uri>https://127.0.0.1:8089</server_uri><session_key>${SESSION_KEY}</session_key><checkpoint_dir>${checkpointDir}</checkpoint_dir>`;

/** What splunkd sends for enabled stanzas, built-in parameters and all. */
export function runXml(checkpointDir: string, ...stanzas: readonly Setting[]): string {
  const builtIns = {
    disabled: '0',
    host: '$decideOnStartup',
    index: 'default',
    interval: '0',
    start_by_shell: 'false',
  };
  const inner = stanzas.map(
    ({ name = 'prod', params }) =>
      `<stanza name="kinesis_log://${escape(name)}" app="kinloader">${paramsXml({ ...builtIns, ...params })}</stanza>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<input>${head(checkpointDir)}<configuration>${inner.join('')}</configuration></input>\n`;
}

export function itemsXml(params: Readonly<Record<string, string>>): string {
  return `<?xml version="1.0" encoding="UTF-8"?><items>${head('/none')}<item name="prod">${paramsXml(params)}</item></items>\n`;
}
