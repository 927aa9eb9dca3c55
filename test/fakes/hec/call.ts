/** A call to a HEC, read from its connection. */
import type { IncomingMessage } from 'node:http';
import type { Endpoint } from './faults.ts';

/** A call that arrived whole. */
export interface Call {
  readonly endpoint: Endpoint | 'other';
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly token: string | undefined;
  readonly channel: string | undefined;
  readonly cookie: string | undefined;
  readonly headers: IncomingMessage['headers'];
  /** As it came; of events it may be gzip. */
  readonly body: Buffer;
}

const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  '/services/collector': 'event',
  '/services/collector/event': 'event',
  '/services/collector/event/1.0': 'event',
  '/services/collector/ack': 'ack',
  '/services/collector/health': 'health',
  '/services/collector/health/1.0': 'health',
};

/** Undefined: the client went away. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  try {
    for await (const part of request) parts.push(part as Buffer);
    return Buffer.concat(parts);
  } catch {
    return undefined;
  }
}

export function callOf(request: IncomingMessage, body: Buffer): Call {
  const { headers } = request;
  const url = new URL(request.url ?? '/', 'http://hec');
  const channel = headers['x-splunk-request-channel'];
  return {
    endpoint: ENDPOINTS[url.pathname] ?? 'other',
    method: request.method ?? '',
    path: `${url.pathname}${url.search}`,
    token: headers.authorization?.replace(/^Splunk /, ''),
    channel: typeof channel === 'string' ? channel : (url.searchParams.get('channel') ?? undefined),
    cookie: headers.cookie,
    headers,
    body,
  };
}
