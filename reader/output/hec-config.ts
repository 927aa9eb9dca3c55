/** Options of the HEC output, checked: every fault is named, and no secret with it. */
import { KinlogError } from '../../base/errors.ts';
import { HttpClient } from '../../base/http.ts';
import { addressFaults, certificatesIn, isLoopback } from '../../base/server-address.ts';
import type { HecOptions } from './hec.ts';

export interface HecTarget {
  /** For messages. */
  readonly host: string;
  /** A client with one connection of its own. */
  readonly connect: () => HttpClient;
}

/** Longer than the longest wait between two questions for acknowledgements, so that a balancer that leads each connection to one server keeps leading it there; shorter than the
 *  12 seconds after which a busy Splunk closes one (inputs.conf, [http] busyKeepAliveIdleTimeout), so that no post meets a connection that is being closed. */
const KEEP_ALIVE_MS = 11_000;
/** An answer to a thousand questions for acknowledgements has less than 20 kB. */
const MAX_ANSWER_BYTES = 1 << 20;

const DEFAULTS = {
  ack: false,
  maxBodyBytes: 1_000_000,
  maxEventBytes: 5 << 20,
  maxInFlight: 6,
  maxUnackedBytes: 64 << 20,
  ackEveryMs: 1000,
  ackTimeoutMs: 300_000,
  lingerMs: 100,
  stalledAfterMs: 30_000,
  timeoutMs: 60_000,
} as const;

export type HecLimits = {
  readonly [name in keyof typeof DEFAULTS]: (typeof DEFAULTS)[name] extends number ? number : boolean;
};

export interface HecConfig {
  readonly targets: readonly HecTarget[];
  readonly limits: HecLimits;
}

/** Fails with KINLOG_CONFIG_INVALID, which names every fault. */
export function hecConfig(options: HecOptions): HecConfig {
  const { endpoints, ca, proxy } = options;
  const limits = limitsOf(options);
  const urls = endpoints.map((text) => (URL.canParse(text) ? new URL(text) : undefined));
  const certificates = ca === undefined ? { faults: [] } : certificatesIn(ca);
  const faults = [
    ...(endpoints.length === 0 ? ['endpoints: at least one is needed'] : []),
    ...endpoints.flatMap((text, i) => endpointFaults(text, urls[i]).map((fault) => `endpoints[${i}]: ${fault}`)),
    ...certificates.faults,
    ...proxyFaults(proxy),
    ...limitFaults(limits),
  ];
  if (faults.length > 0)
    throw new KinlogError('KINLOG_CONFIG_INVALID', `HEC can not be reached as configured: ${faults.join('; ')}`);
  const { timeoutMs } = limits;
  const trust = 'ca' in certificates ? { ca: certificates.ca } : {};
  const common = { timeoutMs, connections: 1, keepAliveMs: KEEP_ALIVE_MS, maxAnswerBytes: MAX_ANSWER_BYTES, ...trust };
  const targets = urls.flatMap((url) => {
    if (url === undefined) return [];
    // What runs on this host is not to be had through a proxy.
    const way = proxy === undefined || isLoopback(url) ? {} : { proxy: new URL(proxy) };
    return [{ host: url.host, connect: () => new HttpClient({ url, ...common, ...way }) }];
  });
  return { targets, limits };
}

function limitsOf(options: HecOptions): HecLimits {
  const given = Object.entries(options).filter(([name, value]) => name in DEFAULTS && value !== undefined);
  const limits: HecLimits = { ...DEFAULTS, ...Object.fromEntries(given) };
  // A body that had room for more would carry an event that must not be sent.
  return { ...limits, maxBodyBytes: Math.min(limits.maxBodyBytes, limits.maxEventBytes) };
}

function endpointFaults(text: string, url: URL | undefined): string[] {
  const faults = addressFaults(text, url, 'https://splunk.example.com:8088');
  if (url === undefined || faults.length > 0) return faults;
  return [
    ...(url.protocol === 'http:' && !isLoopback(url) ? [`${url.host} is another host, so it must be https`] : []),
    ...(url.pathname !== '/' || url.search !== '' || url.hash !== '' ? ['nothing may follow the port'] : []),
  ];
}

function proxyFaults(proxy: string | undefined): string[] {
  if (proxy === undefined) return [];
  const url = URL.parse(proxy);
  const known = url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '';
  return known ? [] : ['proxy: must be the address of a proxy, such as http://proxy.example.com:3128'];
}

/** A body must have room for the usual event; what is larger goes alone. */
const LEAST = { maxBodyBytes: 1024, lingerMs: 0 };

function limitFaults(limits: HecLimits): string[] {
  return Object.entries(limits).flatMap(([name, value]) => {
    const least = name in LEAST ? LEAST[name as keyof typeof LEAST] : 1;
    if (typeof value === 'boolean' || (Number.isSafeInteger(value) && value >= least)) return [];
    return [`${name}: ${String(value)} is no whole number of at least ${least}`];
  });
}
