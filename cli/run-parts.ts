/** Stores and outputs as the streams of a process share them: each is opened once, when the first stream needs it. */
import type { EventLog, LogLine } from '../base/events.ts';
import { retry } from '../base/retry.ts';
import { asKinlogError, describeError, KinlogError } from '../base/errors.ts';
import type { CheckpointStore } from '../reader/checkpoint/store.ts';
import type { DeadLetters } from '../reader/output/dead-letter.ts';
import { DeadLetterFile } from '../reader/output/dead-letter-file.ts';
import { EventPipe, ModularInputOutput } from '../reader/output/modular-input.ts';
import { NdjsonFileOutput } from '../reader/output/ndjson-file.ts';
import { ndjsonFormat } from '../reader/output/ndjson-pipe.ts';
import type { Output } from '../reader/output/output.ts';
import type { Rotation } from '../reader/output/rotating-file.ts';
import type { StreamConfig } from './run-config.ts';
import type { DeadLettersConfig, HecConfig, OutputConfig } from './run-schema.ts';
import { SharedOutput } from './shared-output.ts';
import { hecToken } from './splunk-auth.ts';
import { openStore, storeName } from './store.ts';

export interface PartsContext {
  readonly stdout: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly sink: (line: LogLine) => void;
  /** The process is asked to stop. */
  readonly stop: AbortSignal;
}

type OpenStore = Awaited<ReturnType<typeof openStore>>;
type NdjsonConfig = Exclude<OutputConfig, HecConfig>;

interface Opened<Part> {
  readonly about: SharedOutput;
  readonly opened: Promise<Part>;
}

interface Named {
  readonly name: string;
  readonly endpoints?: readonly string[];
  readonly config: object;
}

/** After a restart the process before may still be about to let go. */
const LOCK_WAIT_MS = 30_000;
const MIB = 1024 * 1024;
const MINUTE_MS = 60_000;

export class SharedParts {
  readonly #context: PartsContext;
  readonly #stores = new Map<string, Promise<OpenStore>>();
  #pipe: EventPipe | undefined;
  readonly #outputs = new Map<string, Opened<Output>>();
  readonly #deadLetters = new Map<string, Opened<DeadLetterFile>>();

  constructor(context: PartsContext) {
    this.#context = context;
  }

  /** Stdout takes nothing any more and still holds something. */
  get stdoutLost(): boolean {
    return this.#pipe?.failed.aborted === true;
  }

  get outputs(): readonly SharedOutput[] {
    return [...this.#outputs.values(), ...this.#deadLetters.values()].map(({ about }) => about);
  }

  /** Those that a stream with this configuration has asked for. */
  outputsOf(output: OutputConfig, deadLetters: DeadLettersConfig | undefined): readonly SharedOutput[] {
    const letters = deadLetters && this.#deadLetters.get(JSON.stringify(deadLetters));
    return [this.#outputs.get(JSON.stringify(output)), letters].flatMap((opened) => opened?.about ?? []);
  }

  /** Waits while the store is away; what a person must mend is an error. */
  store(config: StreamConfig['store'], log: EventLog): Promise<OpenStore> {
    const { env, stop: signal } = this.#context;
    const doing = `opening the store ${storeName(config)}`;
    const open = () =>
      retry(() => openStore(config, { signal, log, env, lockWaitMs: LOCK_WAIT_MS }).catch(needsPerson(doing)), {
        signal,
        doing,
        onRetry: (error) => log.emit('reader.stalled', { doing, error: describeError(error) }),
      });
    // Every stream without a durable store has a memory of its own.
    if (config.kind === 'memory') return open();
    return this.#shared(this.#stores, JSON.stringify(config), open);
  }

  output(config: OutputConfig): Promise<Output> {
    const endpoints = config.kind === 'hec' ? hostsOf(config) : [];
    return this.#named(this.#outputs, { name: outputName(config), endpoints, config }, (about) =>
      this.#open(config, about),
    );
  }

  deadLetters(config: DeadLettersConfig): Promise<DeadLetters> {
    const { file, maxMb } = config;
    return this.#named(this.#deadLetters, { name: `dead-letters:${file}`, config }, (about) =>
      this.#openFile(file, about, () =>
        DeadLetterFile.open({ file, log: about.log, ...(maxMb === undefined ? {} : { maxBytes: maxMb * MIB }) }),
      ),
    );
  }

  /** Outputs first: a store may be closed when nothing can be accepted any more. */
  async close(): Promise<void> {
    await this.#pipe?.close().catch(() => undefined);
    const opened = [
      ...[...this.#outputs.values(), ...this.#deadLetters.values()].map((part) => part.opened),
      ...this.#stores.values(),
    ];
    for (const part of await Promise.allSettled<Output | DeadLetterFile | CheckpointStore>(opened))
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

  /** One for all that say the same. */
  #named<T>(
    parts: Map<string, Opened<T>>,
    { name, endpoints, config }: Named,
    open: (about: SharedOutput) => Promise<T>,
  ): Promise<T> {
    const key = JSON.stringify(config);
    const known = parts.get(key);
    if (known !== undefined) return known.opened;
    const same = [...parts.values()].filter(({ about }) => about.name.replace(/#\d+$/, '') === name).length;
    const about = new SharedOutput(same === 0 ? name : `${name}#${same + 1}`, this.#context.sink, endpoints);
    const opened = open(about);
    opened.catch(() => undefined);
    parts.set(key, { about, opened });
    return opened;
  }

  async #open(config: OutputConfig, about: SharedOutput): Promise<Output> {
    if (config.kind === 'hec') return this.#openHec(config, about);
    const { file, rotate } = config;
    const { log } = about;
    if (file !== undefined)
      return this.#openFile(file, about, () => NdjsonFileOutput.open({ file, log, rotate: rotationOf(rotate) }));
    const { stdout } = this.#context;
    // A command ends when nobody reads its stdout; here other streams may have other outputs, and a supervisor wants to know.
    stdout.removeAllListeners('error');
    const pipe = new EventPipe(stdout, { log, format: ndjsonFormat('stdout') });
    this.#pipe = pipe;
    return new ModularInputOutput(pipe, 'stdout');
  }

  async #openHec({ kind: _kind, tokenFile, ...options }: HecConfig, { log }: SharedOutput): Promise<Output> {
    // Only here: who writes to files never needs it.
    const { openHec } = await import('../reader/output/hec.ts');
    return openHec({ ...options, token: await hecToken(tokenFile, this.#context.env), log });
  }

  async #openFile<T>(file: string, about: SharedOutput, open: () => Promise<T>): Promise<T> {
    const opened = await retry(open, {
      signal: this.#context.stop,
      doing: `opening ${file}`,
      onRetry: (error) => {
        if (about.stalled === undefined) about.log.emit('output.stalled', { error: error.message });
      },
    });
    if (about.stalled !== undefined) about.log.emit('output.resumed');
    return opened;
  }
}

function rotationOf(rotate: NdjsonConfig['rotate']): Rotation | undefined {
  if (rotate === undefined) return undefined;
  const { maxMb, everyMinutes, keep } = rotate;
  return {
    keep,
    maxBytes: maxMb === undefined ? undefined : maxMb * MIB,
    maxAgeMs: everyMinutes === undefined ? undefined : everyMinutes * MINUTE_MS,
  };
}

function outputName(config: OutputConfig): string {
  if (config.kind === 'ndjson') return `ndjson:${config.file ?? 'stdout'}`;
  return `hec:${hostsOf(config).join(',')}`;
}

const hostsOf = ({ endpoints }: HecConfig): string[] => endpoints.map((endpoint) => new URL(endpoint).host);

/** At the start a wrong table or a missing permission ends with its error and not in a silent wait. */
function needsPerson(doing: string): (error: unknown) => never {
  return (error) => {
    const known = asKinlogError(error, doing);
    if (known.retry !== 'slow') throw known;
    throw new KinlogError(known.code, known.message, { remedy: known.remedy, retry: 'never', cause: known.cause });
  };
}
