/** Asks one reader for its /status: bounded in time and size, whatever answers at the address. */
import { Agent, request, type IncomingMessage } from 'node:http';

/** For everything, the connection included. */
const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 1 << 20;
/** A connection for each: the next question is a minute away. Not HttpClient, whose pool for each server doubles the CPU. */
const AGENT = new Agent({ keepAlive: false });

/** Undefined: no answer that could be a reader's, for whatever reason. Redirects are not followed. Never rejects. */
export function statusText(host: string, port: number, signal: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host, port, path: '/status', agent: AGENT });
    const end = (text?: string): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      resolve(text);
      asked.destroy();
    };
    const stop = (): void => end();
    const timer = setTimeout(stop, TIMEOUT_MS);
    signal.addEventListener('abort', stop, { once: true });
    // Some errors come after the end.
    asked.on('error', stop).on('close', stop);
    asked.on('response', (answer) => {
      if (answer.statusCode === 200) collect(answer, end);
      else end();
    });
    asked.end();
    if (signal.aborted) end();
  });
}

function collect(answer: IncomingMessage, end: (text?: string) => void): void {
  const pieces: Buffer[] = [];
  let bytes = 0;
  answer.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes > MAX_ANSWER_BYTES) end();
    else pieces.push(piece);
  });
  answer.on('error', () => end());
  answer.on('end', () => end(Buffer.concat(pieces, bytes).toString('utf8')));
}
