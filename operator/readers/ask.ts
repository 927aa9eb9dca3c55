/** Asks one reader for its /status: bounded in time and size, whatever answers at the address. */
import { connect, isIPv6 } from 'node:net';

/** For everything, the connection included. */
const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 1 << 20;
/** At once, into a buffer of our own: Node would allocate 64 KiB for each piece. A /status of a dozen shards fits. */
const PIECE_BYTES = 8192;

/**
 * Undefined: no answer that could be a reader's, for whatever reason. Redirects are not followed. Never rejects.
 * HTTP by hand, because each question is a connection of its own, the next one being a minute away: node:http takes twice the CPU for it, and a pool
 * for each server more than that.
 */
export function statusText(host: string, port: number, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    const take = (count: number, buffer: Uint8Array): boolean => {
      bytes += count;
      if (bytes > MAX_ANSWER_BYTES) end();
      else pieces.push(Buffer.from(buffer.subarray(0, count)));
      return true;
    };
    const socket = connect({ host, port, onread: { buffer: Buffer.allocUnsafe(PIECE_BYTES), callback: take } });
    const end = (text?: string): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      resolve(text);
      socket.destroy();
    };
    const stop = (): void => end();
    const timer = setTimeout(stop, TIMEOUT_MS);
    signal.addEventListener('abort', stop, { once: true });
    // Some errors come after the end.
    socket.on('error', stop).on('close', stop);
    socket.on('end', () => end(bodyIn(Buffer.concat(pieces, bytes))));
    const named = isIPv6(host) ? `[${host}]` : host;
    socket.write(`GET /status HTTP/1.1\r\nHost: ${named}:${port}\r\nConnection: close\r\n\r\n`);
    if (signal.aborted) end();
  });
}

/** Of an answer that is whole. What is between us and a reader, such as a mesh, may send it in chunks: RFC 9112. */
function bodyIn(answer: Buffer): string | undefined {
  const headEnd = answer.indexOf('\r\n\r\n');
  const head = answer.toString('latin1', 0, Math.max(headEnd, 0));
  if (!/^HTTP\/1\.[01] 200[ \r]/.test(head)) return undefined;
  const body = answer.subarray(headEnd + 4);
  if (/^transfer-encoding:\s*chunked\s*$/im.test(head)) return unchunked(body)?.toString('utf8');
  const length = /^content-length:\s*(\d+)\s*$/im.exec(head)?.[1];
  return length === undefined || Number(length) === body.length ? body.toString('utf8') : undefined;
}

function unchunked(body: Buffer): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = /^[0-9a-f]{1,6}(?=\s*(;|$))/i.exec(body.toString('latin1', at, Math.max(lineEnd, at)))?.[0];
    if (size === undefined) return undefined;
    const [from, count] = [lineEnd + 2, Number.parseInt(size, 16)];
    if (count === 0) return Buffer.concat(chunks);
    chunks.push(body.subarray(from, from + count));
    at = from + count + 2;
  }
}
