/** `logdecode`: dumped records become the log they were made of. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { systemClock, type Clock } from '../base/clock.ts';
import { KinlogError } from '../base/errors.ts';
import { EventLog } from '../base/events.ts';
import { BatchPool } from '../record/batch.ts';
import { RecordDecoder } from '../record/decode.ts';
import { unwrap } from '../record/detect.ts';
import { MARK, type EventMeta, type LogEvent } from '../record/event.ts';
import { DEFAULT_CEILING } from '../record/inflate.ts';
import { peekKinlog } from '../record/kinlog.ts';
import { ByteTarget } from './byte-target.ts';
import { recordsIn, type DumpedRecord } from './decode-input.ts';
import type { DecodeValues } from './decode-options.ts';
import { jsonText, rawText } from './decode-render.ts';
import { EXIT, type Surroundings } from './exit.ts';
import { expandPath, FileTargets } from './file-targets.ts';

export async function decode(values: DecodeValues, files: readonly string[], around: Surroundings): Promise<number> {
  const inputs = files.length === 0 ? [around.stdin] : files.map((file) => opened(file));
  const writer = values.targetFilepath === undefined ? new OneTarget(around) : new ManyTargets(values);
  const decoding = new Decoding(values, writer, around);
  for (const input of inputs) await decoding.read(input);
  await writer.close();
  return decoding.finish();
}

function opened(file: string): Readable {
  const stream = createReadStream(file);
  // Kept until somebody reads it: several files are named at once and read one after the other.
  stream.on('error', () => undefined);
  return stream;
}

interface Writer {
  add(event: LogEvent, bytes: Buffer): void;
  /** Settles when what was added is written. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

class OneTarget implements Writer {
  readonly #target: ByteTarget;
  #parts: Buffer[] = [];

  constructor({ stdout }: Surroundings) {
    this.#target = ByteTarget.stdout(stdout);
  }

  add(_event: LogEvent, bytes: Buffer): void {
    this.#parts.push(bytes);
  }

  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    await this.#target.write(bytes);
  }

  close(): Promise<void> {
    return this.#target.close();
  }
}

class ManyTargets implements Writer {
  readonly #template: string;
  readonly #files: FileTargets;
  readonly #pathOf = new WeakMap<EventMeta, string>();
  #parts = new Map<string, Buffer[]>();

  constructor({ targetFilepath = '', maxOpenFiles }: DecodeValues) {
    this.#template = targetFilepath;
    this.#files = new FileTargets(maxOpenFiles);
  }

  add({ meta }: LogEvent, bytes: Buffer): void {
    let file = this.#pathOf.get(meta);
    if (file === undefined) this.#pathOf.set(meta, (file = expandPath(this.#template, meta)));
    const parts = this.#parts.get(file);
    if (parts === undefined) this.#parts.set(file, [bytes]);
    else parts.push(bytes);
  }

  async flush(): Promise<void> {
    const parts = this.#parts;
    this.#parts = new Map();
    for (const [file, list] of parts) await this.#files.append(file, Buffer.concat(list));
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}

class Decoding {
  readonly #values: DecodeValues;
  readonly #writer: Writer;
  readonly #around: Surroundings;
  readonly #decoder: RecordDecoder;
  readonly #pool = new BatchPool();
  /** Why the record at hand could not be decoded. */
  #reason = '';
  #undecoded = 0;
  #noRecords = 0;

  constructor(values: DecodeValues, writer: Writer, around: Surroundings) {
    this.#values = values;
    this.#writer = writer;
    this.#around = around;
    const log = new EventLog(({ name, fields }) => {
      if (name === 'record.undecoded') this.#reason = `: ${String(fields['reason'])}`;
    });
    this.#decoder = new RecordDecoder({ lines: values.splitLines, clock: hurriedClock() }, log);
  }

  async read(input: Readable): Promise<void> {
    try {
      for await (const found of recordsIn(input)) {
        if ('problem' in found) this.#say(++this.#noRecords, found.problem);
        else await this.#decode(found);
      }
    } catch (error) {
      if (error instanceof KinlogError || !isSystemError(error)) throw error;
      throw new KinlogError('KINLOG_INPUT_INVALID', `the input could not be read: ${error.message}`, {
        cause: error,
        remedy: 'Check the name of the file and its permissions.',
      });
    }
  }

  finish(): number {
    if (this.#undecoded + this.#noRecords === 0) return EXIT.ok;
    const lost = `${this.#undecoded} undecoded events, written as they are; ${this.#noRecords} pieces of input that are no record`;
    this.#around.stderr.write(`kinlog: ${lost}\n`);
    return EXIT.partly;
  }

  async #decode(record: DumpedRecord): Promise<void> {
    const header = this.#values.format === 'json' ? headerOf(record) : undefined;
    this.#decoder.begin(record);
    for (let state = 'full'; state === 'full';) {
      const builder = this.#pool.take();
      state = this.#decoder.step(builder);
      for (const event of builder.seal()) {
        if ((event.mark & MARK.undecoded) !== 0) this.#noteUndecoded(record);
        const { format, indentJson } = this.#values;
        this.#writer.add(event, format === 'raw' ? rawText(event) : jsonText(event, record, header, indentJson));
      }
      await this.#writer.flush();
      this.#pool.give(builder);
    }
  }

  #noteUndecoded({ sequenceNumber }: DumpedRecord): void {
    const which = sequenceNumber === '' ? 'a record' : `record ${sequenceNumber}`;
    this.#say(++this.#undecoded, `${which} could not be decoded and is written as it is${this.#reason}`);
  }

  /** The first of a kind are named, all are counted. */
  #say(count: number, problem: string): void {
    if (count <= NAMED) this.#around.stderr.write(`kinlog: ${problem}\n`);
  }
}

const NAMED = 20;

/** The decoder says one reason once a minute, but here every record has its line: on this clock a minute passes at every look. */
function hurriedClock(): Clock {
  let ms = 0;
  return { ...systemClock, monotonic: () => (ms += 60_000) };
}

/** Only kinlog records have one; the first user record speaks for an aggregate. */
function headerOf(record: DumpedRecord): ReturnType<typeof peekKinlog> {
  const { bytes } = unwrap(record.data, DEFAULT_CEILING);
  return peekKinlog(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
