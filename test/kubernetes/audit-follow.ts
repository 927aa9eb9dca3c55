/** The API server's audit log as it grows, also over the files that it begins anew at 100 MB: what was written, by whom, when. */
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const PIECE = 1 << 20;

export interface AuditedWrite {
  readonly user: string;
  readonly verb: string;
  /** Plural, with its subresource, such as `logstreams/status`. */
  readonly resource: string;
  readonly name: string;
  /** Checked like a write, and nothing was stored. */
  readonly dryRun: boolean;
  /** Of the answer. */
  readonly status: number;
  /** Wall-clock milliseconds with fractions: when the server had it, when it answered. */
  readonly receivedMs: number;
  readonly answeredMs: number;
}

interface Line {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly requestURI: string;
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string; readonly name?: string };
  readonly responseStatus?: { readonly code: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

const READS: ReadonlySet<string> = new Set(['get', 'list', 'watch']);

export class AuditFollower {
  readonly #file: string;
  readonly #piece = Buffer.allocUnsafe(PIECE);
  #descriptor: number | undefined;
  #decoder = new StringDecoder('utf8');
  #open = '';

  constructor(file: string) {
    this.#file = file;
  }

  /** What is new; to be called more often than 100 MB are written. */
  *take(): Generator<AuditedWrite> {
    if (!existsSync(this.#file)) return;
    this.#descriptor ??= openSync(this.#file, 'r');
    yield* this.#rest(this.#descriptor);
    if (fstatSync(this.#descriptor).ino === statSync(this.#file).ino) return;
    // Once more: something may have come between the last reading and the change of files.
    yield* this.#rest(this.#descriptor);
    this.close();
    yield* this.take();
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
    this.#decoder = new StringDecoder('utf8');
    this.#open = '';
  }

  *#rest(descriptor: number): Generator<AuditedWrite> {
    for (let bytes = readSync(descriptor, this.#piece); bytes > 0; bytes = readSync(descriptor, this.#piece)) {
      const lines = (this.#open + this.#decoder.write(this.#piece.subarray(0, bytes))).split('\n');
      this.#open = lines.pop()!;
      for (const line of lines) {
        const write = writeIn(JSON.parse(line) as Line);
        if (write !== undefined) yield write;
      }
    }
  }
}

function writeIn({ user, verb, requestURI, objectRef = {}, responseStatus, ...times }: Line): AuditedWrite | undefined {
  if (READS.has(verb)) return undefined;
  const { resource = '', subresource, name = '' } = objectRef;
  return {
    user: user.username,
    verb,
    resource: subresource === undefined ? resource : `${resource}/${subresource}`,
    name,
    dryRun: new URLSearchParams(requestURI.split('?')[1]).has('dryRun'),
    status: responseStatus?.code ?? 0,
    receivedMs: preciseMs(times.requestReceivedTimestamp),
    answeredMs: preciseMs(times.stageTimestamp),
  };
}

/** Microseconds are what the server gives. */
function preciseMs(time: string): number {
  const [whole, fraction = ''] = time.replace('Z', '').split('.');
  return Date.parse(`${whole!}Z`) + Number(`0.${fraction}`) * 1000;
}
