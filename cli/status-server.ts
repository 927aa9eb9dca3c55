/** Metrics and status over HTTP: small answers, few connections, nothing secret, and nothing that changes anything. */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KinlogError } from '../base/errors.ts';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** By the path. */
export type Pages = Readonly<Record<string, () => Answer | Promise<Answer>>>;

export interface StatusServer {
  /** `host:port`, with the port that was given for port 0. */
  readonly address: string;
  close(): Promise<void>;
}

const CONNECTIONS = 64;
const TIMEOUT_MS = 5000;
const HEADER_BYTES = 8192;

/** `listen`: HOST:PORT; without a host all addresses, of IPv6 too where there are any. Throws KINLOG_CONFIG_INVALID when nothing can listen there. */
export async function startStatusServer(listen: string, pages: Pages): Promise<StatusServer> {
  const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(listen)!;
  const server = createServer(
    {
      requestTimeout: TIMEOUT_MS,
      headersTimeout: TIMEOUT_MS,
      keepAliveTimeout: TIMEOUT_MS,
      maxHeaderSize: HEADER_BYTES,
    },
    (request, response) => {
      request.resume();
      void answer(request.method ?? '', request.url ?? '', pages).then((found) =>
        send(response, request.method, found),
      );
    },
  );
  server.maxConnections = CONNECTIONS;
  await listening(server, { host: host!, port: Number(port) }).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new KinlogError(
      'KINLOG_CONFIG_INVALID',
      `status.listen is ${listen}, and nothing can listen there: ${reason}`,
      {
        cause,
      },
    );
  });
  const bound = server.address() as AddressInfo;
  return {
    address: bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listening(server: Server, at: { readonly host: string; readonly port: number }): Promise<void> {
  server.listen(at);
  await once(server, 'listening');
}

async function answer(method: string, url: string, pages: Pages): Promise<Answer & { allow?: string }> {
  const path = url.split('?')[0]!;
  if (!Object.hasOwn(pages, path)) return text(404, `there are ${Object.keys(pages).join(', ')}`);
  if (method !== 'GET' && method !== 'HEAD') return { ...text(405, 'GET and HEAD only'), allow: 'GET, HEAD' };
  try {
    return await pages[path]!();
  } catch (error) {
    return text(500, `a fault of kinlog: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` };
}

function send(response: ServerResponse, method: string | undefined, found: Answer & { allow?: string }): void {
  const { status, type, body, allow } = found;
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(allow === undefined ? {} : { allow }),
  });
  response.end(method === 'HEAD' ? undefined : body);
}
