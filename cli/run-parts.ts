/** Stores and outputs as the streams of a process share them: each is opened once, when the first stream needs it. */
import { EventLog, type LogLine } from '../base/events.ts';
import { retry } from '../base/retry.ts';
import { asKinlogError, KinlogError } from '../base/errors.ts';
import type { CheckpointStore } from '../reader/checkpoint/store.ts';
import { EventPipe, ModularInputOutput } from '../reader/output/modular-input.ts';
import { NdjsonFileOutput } from '../reader/output/ndjson-file.ts';
import { ndjsonFormat } from '../reader/output/ndjson-pipe.ts';
import type { Output } from '../reader/output/output.ts';
import type { Rotation } from '../reader/output/rotating-file.ts';
import type { StreamConfig } from './run-config.ts';
import type { OutputConfig } from './run-schema.ts';
import { openStore, storeName } from './store.ts';

export interface PartsContext {
  readonly stdout: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly sink: (line: LogLine) => void;
  /** The process is asked to stop. */
  readonly stop: AbortSignal;
}

/** An output, and what is known of it. */
export interface SharedOutput {
  readonly name: string;
  readonly log: EventLog;
  /** It takes nothing for now. */
  stalled: boolean;
}

type OpenStore = Awaited<ReturnType<typeof openStore>>;

/** After a restart the process before may still be about to let go. */
const LOCK_WAIT_MS = 30_000;
const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;

export class SharedParts {
  readonly #context: PartsContext;
  readonly #stores = new Map<string, Promise<OpenStore>>();
  #pipe: EventPipe | undefined;
  readonly #outputs = new Map<string, { readonly about: SharedOutput; readonly opened: Promise<Output> }>();

  constructor(context: PartsContext) {
    this.#context = context;
  }

  /** Stdout takes nothing any more and still holds something. */
  get stdoutLost(): boolean {
    return this.#pipe?.failed.aborted === true;
  }

  get outputs(): readonly SharedOutput[] {
    return [...this.#outputs.values()].map(({ about }) => about);
  }

  /** Waits while the store is away; what a person must mend is an error. */
  store(config: StreamConfig['store'], log: EventLog): Promise<OpenStore> {
    const { env, stop: signal } = this.#context;
    const doing = `opening the store ${storeName(config)}`;
    const open = () =>
      retry(() => openStore(config, { signal, log, env, lockWaitMs: LOCK_WAIT_MS }).catch(needsPerson(doing)), {
        signal,
        doing,
        onRetry: (error) => log.emit('reader.stalled', { doing, error: error.message }),
      });
    // Every stream without a durable store has a memory of its own.
    if (config.kind === 'memory') return open();
    return this.#shared(this.#stores, JSON.stringify(config), open);
  }

  output(config: OutputConfig): Promise<Output> {
    const name = outputName(config);
    const known = this.#outputs.get(name);
    if (known !== undefined) return known.opened;
    const about: SharedOutput = { name, stalled: false, log: new EventLog((line) => this.#note(about, line), 'debug') };
    const opened = this.#open(config, about);
    opened.catch(() => undefined);
    this.#outputs.set(name, { about, opened });
    return opened;
  }

  /** Outputs first: a store may be closed when nothing can be accepted any more. */
  async close(): Promise<void> {
    await this.#pipe?.close().catch(() => undefined);
    const opened = [...[...this.#outputs.values()].map((output) => output.opened), ...this.#stores.values()];
    for (const part of await Promise.allSettled<Output | CheckpointStore>(opened))
      // What it could not do, whoever used it has been told.
      if (part.status === 'fulfilled') await part.value.close().catch(() => undefined);
  }

  #shared<T>(parts: Map<string, Promise<T>>, key: string, open: () => Promise<T>): Promise<T> {
    const known = parts.get(key);
    if (known !== undefined) return known;
    const opened = open();
    opened.catch(() => undefined);
    parts.set(key, opened);
    return opened;
  }

  async #open({ file, rotate }: OutputConfig, about: SharedOutput): Promise<Output> {
    const { log } = about;
    if (file === undefined) {
      const { stdout } = this.#context;
      // A command ends when nobody reads its stdout; here other streams may have other outputs, and a supervisor wants to know.
      stdout.removeAllListeners('error');
      const pipe = new EventPipe(stdout, { log, format: ndjsonFormat('stdout') });
      this.#pipe = pipe;
      return new ModularInputOutput(pipe, 'stdout');
    }
    const output = await retry(() => NdjsonFileOutput.open({ file, log, rotate: rotationOf(rotate) }), {
      signal: this.#context.stop,
      doing: `opening ${file}`,
      onRetry: (error) => {
        if (!about.stalled) log.emit('output.stalled', { error: error.message });
      },
    });
    if (about.stalled) log.emit('output.resumed');
    return output;
  }

  #note(about: SharedOutput, line: LogLine): void {
    if (line.name === 'output.stalled') about.stalled = true;
    if (line.name === 'output.resumed') about.stalled = false;
    this.#context.sink({ ...line, fields: { output: about.name, ...line.fields } });
  }
}

function rotationOf(rotate: OutputConfig['rotate']): Rotation | undefined {
  if (rotate === undefined) return undefined;
  const { maxMb, everyMinutes, keep } = rotate;
  return {
    keep,
    maxBytes: maxMb === undefined ? undefined : maxMb * MIB,
    maxAgeMs: everyMinutes === undefined ? undefined : everyMinutes * MINUTE_MS,
  };
}

function outputName({ kind, file }: OutputConfig): string {
  return `${kind}:${file ?? 'stdout'}`;
}

/** At the start a wrong table or a missing permission ends with its error and not in a silent wait. */
function needsPerson(doing: string): (error: unknown) => never {
  return (error) => {
    const known = asKinlogError(error, doing);
    if (known.retry !== 'slow') throw known;
    throw new KinlogError(known.code, known.message, { remedy: known.remedy, retry: 'never', cause: known.cause });
  };
}
