/** `kinlog run`: reads the streams of a configuration in one process until it is told to stop. */
import { hostname } from 'node:os';
import { systemClock } from '../base/clock.ts';
import { describeError, ERRORS, KinlogError } from '../base/errors.ts';
import { EventLog, formatLine, type Level, type LogLine } from '../base/events.ts';
import { ByteBudget } from '../reader/index.ts';
import { EXIT, Interruption, written, type Surroundings } from './exit.ts';
import { changesBetween } from './run-changes.ts';
import { loadRunConfig, type RunConfig } from './run-config.ts';
import type { RunValues } from './run-options.ts';
import { SharedParts } from './run-parts.ts';
import { StreamRun } from './run-stream.ts';
import { statusPages } from './status-pages.ts';
import { startStatusServer, type StatusServer } from './status-server.ts';
import { version } from './version.ts';

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error'];
const MIB = 1024 * 1024;
const DEFAULT_MB_IN_FLIGHT = 64;
/** From the first signal to the end of the process, whatever output and store do. */
const STOP_MS = 15_000;
const FLUSH_MS = 500;
const TOO_LATE = new KinlogError('KINLOG_STOP_OVERDUE', `stopping took longer than ${STOP_MS} ms`);

export async function run(values: RunValues, around: Surroundings): Promise<number> {
  const loaded = configOf(values);
  if ('config' in loaded) return new Run(values, loaded.config, around).run();
  for (const fault of loaded.faults) around.stderr.write(`kinlog: ${fault}\n`);
  const count = loaded.faults.length === 1 ? 'is 1 fault' : `are ${loaded.faults.length} faults`;
  around.stderr.write(`kinlog: there ${count} in ${values.config} (KINLOG_CONFIG_INVALID). See docs/run.md.\n`);
  return ERRORS.KINLOG_CONFIG_INVALID.exit;
}

/** The file, and what the command line says instead. */
function configOf({ config: file, name, statusHost }: RunValues): ReturnType<typeof loadRunConfig> {
  const loaded = loadRunConfig(file);
  if ('faults' in loaded) return loaded;
  const { status } = loaded.config;
  if (statusHost !== undefined && status === undefined)
    return { faults: [`${file} says no status.listen, so that --status-host has no port to go with`] };
  return {
    config: {
      ...loaded.config,
      ...(name === undefined ? {} : { name }),
      ...(statusHost === undefined || status === undefined ? {} : { status: onHost(statusHost, status.listen) }),
    },
  };
}

function onHost(host: string, listen: string): { readonly listen: string } {
  const port = listen.slice(listen.lastIndexOf(':'));
  return { listen: `${host.includes(':') ? `[${host}]` : host}${port}` };
}

class Run {
  readonly #values: RunValues;
  readonly #around: Surroundings;
  readonly #log = new EventLog((line) => this.#say(line), 'debug');
  readonly #interruption = new Interruption((signal) => this.#log.emit('run.stopping', { signal }));
  readonly #parts: SharedParts;
  readonly #budget: ByteBudget;
  readonly #streams: readonly StreamRun[];
  #config: RunConfig;

  constructor(values: RunValues, config: RunConfig, around: Surroundings) {
    this.#values = values;
    this.#config = config;
    this.#around = around;
    const sink = (line: LogLine) => this.#say(line);
    this.#parts = new SharedParts({ stdout: around.stdout, env: around.env, sink, stop: this.#stop });
    this.#budget = new ByteBudget(this.#budgetBytes);
    const context = { name: config.name, budget: this.#budget, parts: this.#parts, sink };
    this.#streams = config.streams.map((stream) => new StreamRun(stream, context));
  }

  async run(): Promise<number> {
    process.on('SIGHUP', () => this.#reload());
    const server = await this.#serve();
    const work = Promise.all(this.#streams.map((stream) => stream.run(this.#stop))).then(() => this.#parts.close());
    const inTime = await Promise.race([work.then(() => true), this.#deadline()]);
    await server?.close();
    if (!inTime) this.#around.stderr.write(`kinlog: ${describeError(TOO_LATE)}\n`);
    const status = inTime ? this.#summary() : EXIT.failed;
    return inTime && !this.#parts.stdoutLost ? status : this.#leave(status);
  }

  /** Without waiting for those who do not let us go. */
  async #leave(status: number): Promise<never> {
    await Promise.race([written(this.#around.stderr), systemClock.sleep(FLUSH_MS)]);
    process.exit(status);
  }

  get #stop(): AbortSignal {
    return this.#interruption.signal;
  }

  get #budgetBytes(): number {
    return (this.#config.maxMbInFlight ?? DEFAULT_MB_IN_FLIGHT) * MIB;
  }

  async #serve(): Promise<StatusServer | undefined> {
    const { status, name = hostname() } = this.#config;
    if (status === undefined) return undefined;
    const pages = statusPages({
      name,
      version: version(),
      streams: this.#streams,
      outputs: () => this.#parts.outputs,
      log: this.#log,
      budget: this.#budget,
      budgetBytes: this.#budgetBytes,
      stopping: () => this.#stop.aborted,
    });
    const server = await startStatusServer(status.listen, pages);
    this.#log.emit('status.listening', { address: server.address });
    return server;
  }

  /** Once the process was asked to stop. */
  async #deadline(): Promise<false> {
    if (!this.#stop.aborted)
      await new Promise((resolve) => this.#stop.addEventListener('abort', resolve, { once: true }));
    await systemClock.sleep(STOP_MS);
    return false;
  }

  #reload(): void {
    const { config: file } = this.#values;
    const loaded = configOf(this.#values);
    if ('faults' in loaded) {
      this.#log.emit('config.refused', { file, faults: loaded.faults.join('; ') });
      return;
    }
    const { needRestart, harmless, streams } = changesBetween(this.#config, loaded.config);
    if (needRestart.length > 0) {
      this.#log.emit('config.restart-needed', { file, keys: needRestart.join(', ') });
      return;
    }
    // A reader that stops while its output takes nothing would have to give up what it has handed over, and with it the pipe that others share.
    if (streams.length > 0 && this.#parts.outputs.some(({ stalled }) => stalled !== undefined)) {
      this.#log.emit('config.refused', {
        file,
        faults: 'the output takes nothing now: ask again once it does',
      });
      return;
    }
    this.#config = loaded.config;
    for (const i of streams) this.#streams[i]!.restartWith(loaded.config.streams[i]!);
    this.#log.emit('config.applied', { file, keys: harmless.join(', ') || 'none' });
  }

  #summary(): number {
    const failed = this.#streams.filter(({ failure }) => failure !== undefined);
    for (const { config, failure } of failed)
      this.#around.stderr.write(`kinlog: ${config.id} could not be read any more: ${describeError(failure)}\n`);
    return failed[0]?.failure?.exit ?? EXIT.ok;
  }

  #say(line: LogLine): void {
    const { logLevel = 'info' } = this.#config;
    if (LEVELS.indexOf(line.level) >= LEVELS.indexOf(logLevel))
      this.#around.stderr.write(`${line.level.toUpperCase()} ${formatLine(line)}\n`);
  }
}
