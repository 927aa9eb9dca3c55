/** Reads the configuration document from a stdin that splunkd may never close. */
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { systemClock, type Clock } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';

const GUARD_MS = 30_000;
const MAX_BYTES = 16 * 1024 * 1024;
/** Longer than any closing tag, so that one cut in two is found. */
const OVERLAP = 64;

/** Text up to the closing tag of the document, or up to the end of the stream. Obeys a byte order mark and otherwise reads UTF-8, whatever the XML declaration says.
 *  KINLOG_INPUT_INVALID after 30 s without an end, or beyond 16 MiB. */
export async function readDocument(stdin: Readable, stop?: AbortSignal, clock: Clock = systemClock): Promise<string> {
  const done = new AbortController();
  const ended = stop === undefined ? done.signal : AbortSignal.any([stop, done.signal]);
  try {
    return await Promise.race([collect(stdin, done.signal), expire(clock, ended)]);
  } finally {
    done.abort();
    stdin.pause();
  }
}

async function expire(clock: Clock, signal: AbortSignal): Promise<never> {
  await clock.sleep(GUARD_MS, signal);
  throw new KinlogError('KINLOG_INPUT_INVALID', `no complete configuration came on stdin within ${GUARD_MS / 1000} s`);
}

function collect(stdin: Readable, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let decoder: TextDecoder | undefined;
    let head: Buffer = Buffer.alloc(0);
    let text = '';
    let bytes = 0;
    const take = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) reject(new KinlogError('KINLOG_INPUT_INVALID', 'the configuration on stdin is too long'));
      const searchFrom = Math.max(0, text.length - OVERLAP);
      // The mark may come in a chunk of its own, and a part of it tells nothing.
      const fresh = decoder === undefined ? (head = Buffer.concat([head, chunk])) : chunk;
      if (head.length < 3) return;
      decoder ??= new TextDecoder(encodingOf(head));
      text += decoder.decode(fresh, { stream: true });
      if (/<\/(input|items)\s*>/.test(text.slice(searchFrom))) resolve(text);
    };
    stdin.on('data', take);
    stdin.once('end', () => resolve(text));
    stdin.once('error', (cause) => reject(new KinlogError('KINLOG_INPUT_INVALID', 'stdin can not be read', { cause })));
    signal.addEventListener('abort', () => stdin.off('data', take), { once: true });
  });
}

function encodingOf(head: Buffer): string {
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  return 'utf-8';
}
