/** A proxy before the API server that does to its client what networks, proxies and servers do to watches: silence, resets, slowness, lies. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import { Passage } from './passage.ts';

export interface SeenCall {
  readonly atMs: number;
  readonly what: 'watch' | 'list' | 'other';
  readonly query: URLSearchParams;
  /** 0 until the answer began. */
  status: number;
}

export interface Canned {
  readonly status: number;
  /** Sent as JSON, or as it is when it is text. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Line = string;

export class FaultProxy {
  readonly seen: SeenCall[] = [];
  /** Answered instead of the server. */
  answer: ((call: SeenCall) => Canned | undefined) | undefined;
  /** What is sent in place of a line of a watch. */
  lines: ((line: Line) => readonly Line[]) | undefined;
  /** Of watches: how many bytes are sent at once, and how long it takes until the next are. */
  pieces: { readonly bytes: number; readonly everyMs: number } | undefined;
  readonly #watches = new Set<Watch>();
  readonly #passage: Passage;

  private constructor(target: () => string) {
    this.#passage = new Passage(target, (request, response) => this.#pass(request, response));
  }

  /** `target`: the API server's address, asked for each call. */
  static async start(target: () => string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await proxy.#passage.open();
    return proxy;
  }

  get url(): string {
    return this.#passage.url;
  }

  count(what: SeenCall['what']): number {
    return this.seen.filter((call) => call.what === what).length;
  }

  /** Watches that the client reads from now. */
  get watching(): number {
    return this.#watches.size;
  }

  /** Nothing wrong any more with what begins from now on. */
  heal(): void {
    this.answer = undefined;
    this.lines = undefined;
    this.pieces = undefined;
  }

  /** Half-open: what is watched now stays open and is never heard of again. */
  freeze(): void {
    for (const watch of this.#watches) watch.frozen = true;
  }

  /** The last line is cut in the middle, and the connection reset. */
  reset(): void {
    for (const watch of this.#watches) watch.reset((port) => this.#passage.reset(port));
  }

  /** As a server ends watches whose time is up. */
  end(): void {
    for (const watch of this.#watches) watch.end();
  }

  /** A line of ours into every watch. */
  say(line: Line): void {
    for (const watch of this.#watches) watch.write([line]);
  }

  stop(): Promise<void> {
    return this.#passage.close();
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = callOf(request);
    this.seen.push(call);
    const canned = this.answer?.(call);
    if (canned !== undefined) {
      call.status = canned.status;
      const text = typeof canned.body === 'string' ? canned.body : JSON.stringify(canned.body);
      response.writeHead(canned.status, canned.headers).end(text);
      return;
    }
    const answer = await this.#passage.ask(request, response);
    call.status = answer.statusCode ?? 0;
    response.writeHead(call.status, answer.headers);
    if (call.what === 'watch' && call.status === 200) this.#watch(answer, response);
    else answer.pipe(response);
  }

  #watch(answer: IncomingMessage, response: ServerResponse): void {
    response.flushHeaders();
    const watch = new Watch(response, () => this.pieces);
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
    const decoder = new StringDecoder('utf8');
    let open = '';
    answer.on('data', (piece: Buffer) => {
      const lines = (open + decoder.write(piece)).split('\n');
      open = lines.pop()!;
      for (const line of lines) watch.write(this.lines?.(line) ?? [line]);
    });
    answer.on('end', () => watch.end());
  }
}

/** What one client reads. */
class Watch {
  frozen = false;
  readonly #response: ServerResponse;
  readonly #pieces: () => FaultProxy['pieces'];
  #work = Promise.resolve();

  constructor(response: ServerResponse, pieces: () => FaultProxy['pieces']) {
    this.#response = response;
    this.#pieces = pieces;
  }

  write(lines: readonly Line[]): void {
    for (const line of lines) this.#work = this.#work.then(() => this.#send(Buffer.from(`${line}\n`)));
  }

  end(): void {
    this.#work = this.#work.then(() => {
      if (this.#isOpen()) this.#response.end();
    });
  }

  reset(cut: (port: number | undefined) => void): void {
    this.#work = this.#work.then(async () => {
      await this.#send(Buffer.from('{"type":"MODIFIED","object":{"kind":"Conf'));
      cut(this.#response.socket?.remotePort);
    });
  }

  #isOpen(): boolean {
    return !this.frozen && !this.#response.writableEnded && !this.#response.destroyed;
  }

  async #send(bytes: Buffer): Promise<void> {
    const { bytes: size, everyMs } = this.#pieces() ?? { bytes: bytes.length, everyMs: 0 };
    for (let from = 0; from < bytes.length && this.#isOpen(); from += size) {
      this.#response.write(bytes.subarray(from, from + size));
      if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
}

function callOf({ url = '/' }: IncomingMessage): SeenCall {
  const query = new URL(url, 'https://server').searchParams;
  const what = query.has('watch') ? 'watch' : query.has('limit') ? 'list' : 'other';
  return { atMs: performance.now(), what, query, status: 0 };
}

/** Status, as the server says that it does not know a moment any more. */
export const expired = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  code: 410,
  reason: 'Expired',
  message: 'too old resource version',
};

export const answers = (
  status: number,
  body: unknown = { ...expired, code: status, reason: '', message: '' },
): Canned => ({ status, body });
