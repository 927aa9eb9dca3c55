/** The connections under every AWS client: kept alive, bounded in time, through a proxy and with a private CA where there is one. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import { duplexPair, pipeline } from 'node:stream';
import type { SecureClientSessionOptions } from 'node:http2';
import { createSecureContext, getCACertificates, TLSSocket, type SecureContext } from 'node:tls';
import { NodeHttpHandler } from '@smithy/node-http-handler';

export interface NetworkAccess {
  /** Connections at the same time; at least the shards in flight plus a few for control calls. */
  readonly maxSockets?: number | undefined;
  /** PEM file of certificates to trust besides those that Node trusts; AWS_CA_BUNDLE otherwise. */
  readonly ca?: string | undefined;
  /** `http://` or `https://` address of the proxy for every call; HTTPS_PROXY and HTTP_PROXY otherwise. */
  readonly proxy?: string | undefined;
  /** Hosts that are reached without the proxy, as NO_PROXY writes them, which counts otherwise. Loopback never goes through it. */
  readonly noProxy?: string | undefined;
}

/** As http.Agent reads it, in Node 22.21 and 24.5; older ones ignore it. */
interface ProxyEnv {
  readonly https_proxy?: string;
  readonly http_proxy?: string;
  readonly no_proxy: string;
}

const REQUEST_TIMEOUT_MS = 30_000;
const CONNECTION_TIMEOUT_MS = 5_000;
const MAX_SOCKETS = 256;
const LOOPBACK = 'localhost,127.0.0.1,::1,[::1]';

/** What keeps this access from the network, each named by its option or environment name. */
export function networkFaults(access: NetworkAccess, version: string = process.versions.node): string[] {
  const proxies = proxiesOf(access);
  const wrong = proxies.filter(({ address }) => !isProxy(address)).map(({ name }) => `${name}: ${PROXY_EXPECTED}`);
  const faults = [...new Set(wrong)];
  if (proxies.length > 0 && !knowsProxies(version))
    faults.push(`${proxies[0]!.name}: Node ${version} connects to no proxy, but 22.21, 24.5 and newer ones do`);
  const bundle = bundleOf(access);
  if (bundle !== undefined) {
    const fault = bundleFault(bundle.file);
    if (fault !== undefined) faults.push(`${bundle.name}: ${bundle.file} ${fault}`);
  }
  return faults;
}

/** Reads the CA file; ask for `networkFaults` before. */
export function networkHandler(access: NetworkAccess): NodeHttpHandler {
  const proxyEnv = proxyEnvOf(access);
  const secureContext = secureContextOf(access);
  const sockets: AgentOptions & { proxyEnv?: ProxyEnv } = {
    keepAlive: true,
    maxSockets: access.maxSockets ?? MAX_SOCKETS,
    scheduling: 'lifo',
    ...(proxyEnv === undefined ? {} : { proxyEnv }),
  };
  return new NodeHttpHandler({
    // The SDK's default handler opens a TLS session for every call (aws/aws-sdk-js-v3 issue 8279).
    httpAgent: new HttpAgent(sockets),
    httpsAgent: new HttpsAgent(secureContext === undefined ? sockets : { ...sockets, secureContext }),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    throwOnRequestTimeout: true,
    // requestTimeout ends with the answer's headers; a body that stops half-way is found by silence.
    socketTimeout: REQUEST_TIMEOUT_MS,
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  });
}

/** The same way for an HTTP/2 client, as options for `http2.connect`. Ask for `networkFaults` before. */
export function http2Network(access: NetworkAccess): SecureClientSessionOptions {
  const secureContext = secureContextOf(access);
  const security = secureContext === undefined ? {} : { secureContext };
  const proxyEnv = proxyEnvOf(access);
  if (proxyEnv === undefined) return security;
  // HTTP/2 asks for its connection at once; the agent has one through a proxy only later.
  const options: AgentOptions & { proxyEnv: ProxyEnv } = { proxyEnv };
  const agent = new HttpsAgent(options);
  return {
    ...security,
    createConnection: ({ hostname, port }) => {
      const [connection, other] = duplexPair();
      const host = hostname.replace(/^\[(.*)\]$/, '$1');
      const target = { host, port: port === '' ? 443 : Number(port), ALPNProtocols: ['h2'], ...security };
      const direct = agent.createConnection(
        { ...target, ...(isIP(host) > 0 ? {} : { servername: host }) },
        (error, socket) => {
          if (error !== null) connection.destroy(error);
          else pipeline(other, socket, other, (broken) => connection.destroy(broken ?? undefined));
        },
      );
      return direct instanceof TLSSocket ? direct : connection;
    },
  };
}

function ignore(): void {
  // The handler would write its hints to the console, and stdout and stderr are not its own.
}

interface Proxy {
  /** How the user named it. */
  readonly name: string;
  readonly for: 'https_proxy' | 'http_proxy';
  readonly address: string;
}

function proxiesOf(access: NetworkAccess): Proxy[] {
  const { proxy } = access;
  if (proxy !== undefined)
    return (['https_proxy', 'http_proxy'] as const).map((scheme) => ({ name: 'proxy', for: scheme, address: proxy }));
  // HTTP_PROXY in capitals is what a CGI request header named Proxy becomes; kinlog is no CGI program.
  return (['https_proxy', 'http_proxy'] as const).flatMap((scheme) =>
    [scheme, scheme.toUpperCase()]
      .map((name) => ({ name, for: scheme, address: process.env[name] ?? '' }))
      .filter(({ address }) => address !== '')
      .slice(0, 1),
  );
}

const PROXY_EXPECTED = 'must be the address of a proxy, such as http://proxy.example.com:3128';

function isProxy(address: string): boolean {
  const url = URL.parse(address);
  return url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '';
}

/** nodejs.org/api/http.html, `new Agent`: `proxyEnv` since 24.5.0 and 22.21.0. */
function knowsProxies(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);
}

function proxyEnvOf(access: NetworkAccess): ProxyEnv | undefined {
  const proxies = proxiesOf(access);
  if (proxies.length === 0) return undefined;
  const exceptions = access.noProxy ?? process.env['no_proxy'] ?? process.env['NO_PROXY'] ?? '';
  return {
    ...Object.fromEntries(proxies.map((proxy) => [proxy.for, proxy.address])),
    no_proxy: exceptions === '' ? LOOPBACK : `${exceptions},${LOOPBACK}`,
  };
}

function bundleOf({ ca }: NetworkAccess): { name: string; file: string } | undefined {
  if (ca !== undefined) return { name: 'ca', file: ca };
  const file = process.env['AWS_CA_BUNDLE'] ?? '';
  return file === '' ? undefined : { name: 'AWS_CA_BUNDLE', file };
}

function bundleFault(file: string): string | undefined {
  try {
    const pem = readFileSync(file, 'utf8');
    if (!pem.includes('-----BEGIN CERTIFICATE-----')) return 'holds no certificate in PEM form';
    // A secure context skips what it can not read, without a word.
    new X509Certificate(pem);
    return undefined;
  } catch (error) {
    return `can not be used (${(error as NodeJS.ErrnoException).code ?? 'no valid certificate'})`;
  }
}

/** Made once: a list of certificates in the agent's options would be parsed again for every connection. */
function secureContextOf(access: NetworkAccess): SecureContext | undefined {
  const bundle = bundleOf(access);
  if (bundle === undefined) return undefined;
  return createSecureContext({ ca: [...getCACertificates('default'), readFileSync(bundle.file, 'utf8')] });
}
