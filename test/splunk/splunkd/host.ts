/** splunkd on one host, as far as a modular input can tell: introspection, validation through its REST API, processes by `interval`, their pipes, their ends.
 *  Manual "Developing views and apps" (help.splunk.com), Create modular inputs; inputs.conf.spec: interval, start_by_shell. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Inputs, type Stanza } from '../../fakes/splunkd/inputs.ts';
import { CA, FakeSplunkd, type Host, type Port } from '../../fakes/splunkd/splunkd.ts';
import { SplunkInput, type SplunkApp } from '../driver.ts';
import { messageIn, schemeFault } from './answers.ts';
import { inputDocument, itemsDocument, type Head } from './documents.ts';
import type { SplunkEvent } from './event-document.ts';
import { logLines, type LogLine } from './log.ts';
import { InputSchedule, type InputRun } from './schedule.ts';

const SCHEME = 'kinesis_log';
const APP = 'kinloader';
const ADMIN = 'session-key-of-an-admin';

/** A splunkd on which the app is installed. */
export function splunkdWith(app: SplunkApp): FakeSplunkd {
  const splunkd = new FakeSplunkd();
  for (const collection of stanzasIn(confOf(app, 'collections')).keys()) splunkd.kv.declare(APP, collection);
  splunkd.sessionKeys.add(ADMIN);
  return splunkd;
}

export interface HostOptions {
  /** Whose KV store and passwords are used; its own unless it is a member of a cluster. */
  readonly splunkd?: FakeSplunkd;
  /** $SPLUNK_HOME; the positions of an earlier life may lie there. */
  readonly home?: string;
  /** In the environment of splunkd, and so of every input. */
  readonly env?: Readonly<Record<string, string>>;
  /** After SIGTERM, before SIGKILL; how long splunkd waits is documented nowhere. */
  readonly graceMs?: number;
  readonly serverRoles?: string[];
}

/** Limits of the system for the processes that are started from now on: options of `ulimit` in the shell, such as `-f 1`. */
type Limits = string | undefined;

export class SplunkHost implements Host {
  readonly home: string;
  readonly splunkd: FakeSplunkd;
  readonly inputs = new Inputs();
  serverRoles: string[];
  readonly runs: InputRun[] = [];
  /** What splunkd would have to complain of: answers that are none, words where there should be silence. */
  readonly problems: string[] = [];
  limits: Limits;
  #port!: Port;
  #admin!: Port;
  readonly #app: SplunkApp;
  readonly #env: Readonly<Record<string, string>>;
  readonly #schedules = new Map<string, InputSchedule>();
  readonly #graceMs: number;
  #defaults: Stanza = {};
  #sessions = 0;
  #stalled = false;

  constructor(app: SplunkApp, options: HostOptions = {}) {
    this.#app = app;
    this.home = options.home ?? app.scratch();
    this.splunkd = options.splunkd ?? splunkdWith(app);
    this.#graceMs = options.graceMs ?? 10_000;
    this.serverRoles = options.serverRoles ?? ['heavyweight_forwarder', 'kv_store'];
    const splunkDb = path.join(this.home, 'var/lib/splunk');
    this.#env = { SPLUNK_HOME: this.home, SPLUNK_DB: splunkDb, ...options.env };
    mkdirSync(path.join(this.home, 'etc/auth'), { recursive: true });
    mkdirSync(path.join(this.home, 'var/log/splunk'), { recursive: true });
    writeFileSync(path.join(this.home, 'etc/auth/cacert.pem'), CA);
  }

  /** Registers the scheme, and starts what is enabled. Rejects with what splunkd would say when the scheme is not registered. */
  async start(): Promise<this> {
    this.#port = await this.splunkd.open({ host: this });
    this.#admin = await this.splunkd.open({ host: this, tls: false });
    const { exited, stdout } = await this.#once(['--scheme']);
    const fault = exited === 0 ? schemeFault(stdout) : `status ${String(exited)}`;
    if (fault !== undefined) throw new Error(`introspecting scheme=${SCHEME}: ${fault}`);
    this.#defaults = stanzasIn(confOf(this.#app, 'inputs')).get(SCHEME)!;
    this.inputs.runner = {
      refusal: (_, name, stanza) => this.#refusal(name, stanza),
      changed: (_, name) => this.#changed(name),
    };
    for (const name of this.#names()) this.#changed(name);
    return this;
  }

  /** Of its REST API: what is wrong with the KV store, with session keys, with the network. */
  get faults(): Port['faults'] {
    return this.#port.faults;
  }

  get calls(): Port['calls'] {
    return this.#port.calls;
  }

  // What an administrator does.

  create(name: string, stanza: Stanza): Promise<Said> {
    return this.#post('', { name, ...stanza });
  }

  edit(name: string, stanza: Stanza): Promise<Said> {
    return this.#post(`/${encodeURIComponent(name)}`, stanza);
  }

  disable(name: string): Promise<Said> {
    return this.#post(`/${encodeURIComponent(name)}/disable`, {});
  }

  enable(name: string): Promise<Said> {
    return this.#post(`/${encodeURIComponent(name)}/enable`, {});
  }

  remove(name: string): Promise<Said> {
    return this.#call('DELETE', `/${encodeURIComponent(name)}?output_mode=json`);
  }

  /** Every input is asked to end, and killed after the grace. */
  async shutdown(): Promise<void> {
    await Promise.all([...this.#schedules.values()].map((schedule) => schedule.stop()));
    this.#schedules.clear();
    // What they wrote last is still in the pipes.
    if (!this.#stalled) await Promise.all(this.runs.map(({ input }) => input.ended()));
    await Promise.all([this.#port.close(), this.#admin.close()]);
  }

  /** The host loses its power. */
  die(): void {
    for (const schedule of this.#schedules.values()) schedule.kill();
    this.#schedules.clear();
  }

  /** Nothing of a test outlives it. */
  async dispose(): Promise<void> {
    this.die();
    for (const { input } of this.runs) input.kill();
    await this.splunkd.close();
  }

  // What it has got.

  runsOf(name: string): readonly InputRun[] {
    return this.runs.filter((run) => run.name === name);
  }

  /** The newest process of a stanza. */
  current(name = 'prod'): SplunkInput {
    return this.runsOf(name).at(-1)!.input;
  }

  get events(): readonly SplunkEvent[] {
    return this.runs.flatMap(({ input }) => input.document.events);
  }

  get texts(): readonly string[] {
    return this.events.map(({ fields }) => fields['data']!);
  }

  /** splunkd.log, as far as the inputs wrote it. */
  get log(): readonly LogLine[] {
    return this.runs.flatMap(({ input }) => logLines(input.stderr));
  }

  said(pattern: RegExp): readonly LogLine[] {
    return this.log.filter(({ level, text }) => pattern.test(`${level} ${text}`));
  }

  /** Its queue is full: nothing more is taken from any input, until `resume`. */
  stall(): void {
    this.#stalled = true;
    for (const { input } of this.runs) input.stall();
  }

  resume(): void {
    this.#stalled = false;
    for (const { input } of this.runs) input.read();
  }

  /** An administrator writes inputs.conf by hand, which nobody checks, and has it read again. */
  writeConf(name: string, stanza: Stanza): void {
    this.inputs.stanzas.set(`${SCHEME}/${name}`, stanza);
    this.#changed(name);
  }

  /** Whoever runs now is known no more. */
  expireSessions(): void {
    for (const key of this.splunkd.sessionKeys) if (key.startsWith(this.home)) this.splunkd.sessionKeys.delete(key);
  }

  #names(): string[] {
    return [...this.inputs.stanzas.keys()].map((key) => key.slice(SCHEME.length + 1));
  }

  #changed(name: string): void {
    if (name === '') for (const one of this.#names()) this.#changed(one);
    void this.#schedules.get(name)?.stop();
    this.#schedules.delete(name);
    const stanza = this.inputs.stanzas.get(`${SCHEME}/${name}`);
    if (stanza === undefined || /^(1|true)$/.test(stanza['disabled'] ?? '0')) return;
    const params: Stanza = { ...this.#defaults, host: '$decideOnStartup', index: 'default', disabled: '0', ...stanza };
    const begin = () => this.#run(name, params);
    this.#schedules.set(
      name,
      new InputSchedule(begin, { interval: params['interval'] ?? '60', graceMs: this.#graceMs }),
    );
  }

  #run(name: string, params: Stanza): InputRun {
    const xml = inputDocument(this.#head(), [{ name, params }]);
    const input = new SplunkInput(this.#app, {
      xml,
      env: this.#env,
      stdout: this.#stalled ? 'later' : 'now',
      ...this.#shell(params),
    });
    const run = { name, input, startedMs: performance.now(), killed: false, stalled: false };
    void input.gone.then(() => (run.stalled = this.#stalled));
    this.runs.push(run);
    return run;
  }

  #shell({ start_by_shell: byShell = 'true' }: Stanza): { command?: [string, ...string[]] } {
    const { launcher } = this.#app;
    if (this.limits !== undefined) return { command: ['/bin/sh', '-c', `ulimit ${this.limits}; exec "$0"`, launcher] };
    return /^(1|true)$/.test(byShell) ? { command: ['/bin/sh', '-c', `"${launcher}"`] } : {};
  }

  async #refusal(name: string, stanza: Stanza): Promise<string | undefined> {
    const { exited, stdout } = await this.#once(
      ['--validate-arguments'],
      itemsDocument(this.#head(), { name, params: stanza }),
    );
    if (exited === 0 && stdout === '') return undefined;
    const message = exited === 1 ? messageIn(stdout) : undefined;
    if (message === undefined) this.problems.push(`validation ended with ${String(exited)} and said ${stdout}`);
    return message ?? `Argument validation for scheme=${SCHEME}: script returned with exit status ${String(exited)}.`;
  }

  /** A call of the program that ends by itself; its stderr is splunkd.log's too. */
  async #once(args: readonly string[], xml?: string): Promise<SplunkInput> {
    const input = new SplunkInput(this.#app, { args, env: this.#env, ...(xml === undefined ? {} : { xml }) });
    try {
      await input.ended();
    } finally {
      input.kill();
    }
    if (input.stderr !== '') this.problems.push(`${args.join(' ')} wrote to stderr: ${input.stderr}`);
    return input;
  }

  #head(): Head {
    const sessionKey = `${this.home}^session^${++this.#sessions}`;
    this.splunkd.sessionKeys.add(sessionKey);
    return {
      serverUri: this.#port.url,
      sessionKey,
      checkpointDir: path.join(this.#env['SPLUNK_DB']!, 'modinputs', SCHEME),
    };
  }

  #post(below: string, fields: Stanza): Promise<Said> {
    return this.#call('POST', below, new URLSearchParams({ output_mode: 'json', ...fields }).toString());
  }

  async #call(method: string, below: string, body?: string): Promise<Said> {
    const answer = await fetch(`${this.#admin.url}/servicesNS/nobody/${APP}/data/inputs/${SCHEME}${below}`, {
      method,
      headers: { authorization: `Splunk ${ADMIN}` },
      ...(body === undefined ? {} : { body }),
    });
    const { messages = [] } = (await answer.json()) as { messages?: readonly { readonly text: string }[] };
    return { status: answer.status, message: messages.map((one) => one.text).join('\n') };
  }
}

const confOf = (app: SplunkApp, name: string): string =>
  readFileSync(path.join(app.folder, `default/${name}.conf`), 'utf8');

/** Stanzas of a .conf file, as far as ours use its syntax. */
function stanzasIn(conf: string): Map<string, Stanza> {
  const sections = conf.split(/^\[(.*)\]$/m).slice(1);
  const pairs = (text: string) => [...text.matchAll(/^(\S+) = (.*)$/gm)].map(([, key, value]) => [key, value]);
  return new Map(
    sections.flatMap((name, i) => (i % 2 === 0 ? [[name, Object.fromEntries(pairs(sections[i + 1]!)) as Stanza]] : [])),
  );
}

/** An answer of the REST API. */
export interface Said {
  readonly status: number;
  /** What the form shows. */
  readonly message: string;
}
