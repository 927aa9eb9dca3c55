/** The way to Kinesis and to HTTP Event Collectors, with the clock of this host against theirs. Nothing is signed, and no secret is sent. */
import { rootCertificates } from 'node:tls';
import { asKinlogError, isKinlogError, KinlogError } from '../../base/errors.ts';
import { HttpClient, type HttpAnswer } from '../../base/http.ts';
import { isLoopback } from '../../base/server-address.ts';
import type { StanzaOptions } from '../input/options.ts';
import { streamRegion } from '../input/store-place.ts';
import { ageOf } from './age.ts';
import { isOn } from './check-inputs.ts';
import { readBounded } from '../conf.ts';
import { fault, ok, skipped, warning, type Finding } from './finding.ts';
import type { Host } from './host.ts';

/** Of the time of a check, for one call. */
const SHARE_OF_CALL = 0.8;
/** AWS refuses signatures that are older or newer than five minutes (docs.aws.amazon.com, Troubleshoot Signature Version 4). */
const REFUSED_SKEW_MS = 5 * 60_000;
const LARGE_SKEW_MS = 60_000;

interface Target {
  readonly url: URL;
  readonly path: string;
  /** What is told about it, such as `Kinesis at https://…`. */
  readonly what: string;
  readonly ca: string | undefined;
  /** The option that names other authorities. */
  readonly caOption: string;
  readonly proxy: string | undefined;
  /** Authorities besides the usual ones, or instead of them. */
  readonly caBesides: boolean;
  /** `now`: of this host, milliseconds since the epoch. */
  readonly judge: (answer: HttpAnswer, target: Target, now: number) => Finding[];
}

export async function checkNetwork(host: Host, signal: AbortSignal): Promise<Finding[]> {
  const all = host.inputs.flatMap((input) =>
    isOn(input) && input.options !== undefined ? targetsOf(input.options) : [],
  );
  const targets = new Map(all.map((target) => [`${target.what} ${target.proxy ?? ''} ${target.ca ?? ''}`, target]));
  const found = await Promise.all([...targets.values()].map((target) => targetFindings(target, host, signal)));
  return found.flat();
}

function targetsOf(options: StanzaOptions): Target[] {
  const { proxy, caFile, hecCaFile } = options;
  const address = options.kinesisEndpoint ?? kinesisAddress(streamRegion(options) ?? '');
  const kinesis: Target = {
    ...{ url: new URL(address), path: '/', what: `Kinesis at ${address}`, proxy },
    ...{ ca: caFile, caOption: 'ca_file', caBesides: true },
    judge: (answer, { what }, now) => [ok(`${what} answers`), ...clockFindings(answer, now, what)],
  };
  const collectors = options.output === 'hec' ? (options.hecUrl ?? []) : [];
  return [
    kinesis,
    ...collectors.map((collector) => ({
      ...{ url: new URL(collector), path: '/services/collector/health', what: `HEC at ${collector}`, proxy },
      ...{ ca: hecCaFile, caOption: 'hec_ca_file', caBesides: false },
      judge: collectorFindings,
    })),
  ];
}

/** docs.aws.amazon.com, Kinesis Data Streams endpoints and quotas. */
function kinesisAddress(region: string): string {
  return `https://kinesis.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

/** Its answer is `{"text":"HEC is healthy","code":17}`; any code tells that it is one. */
function collectorFindings({ status, text }: HttpAnswer, { what }: Target): Finding[] {
  const said = /"text"\s*:\s*"([^"\\]{1,100})"/.exec(text)?.[1];
  if (status === 200) return [ok(`${what} is well`)];
  if (said === undefined)
    return [
      fault(
        `${what} answers as no HTTP Event Collector does (HTTP ${status})`,
        'Check hec_url: host and port of the collector, nothing behind them.',
      ),
    ];
  return [
    fault(
      `${what} is not well: ${said} (HTTP ${status})`,
      'See the queues of that Splunk; events wait here until then.',
    ),
  ];
}

async function targetFindings(target: Target, host: Host, signal: AbortSignal): Promise<Finding[]> {
  const { what, proxy } = target;
  if (proxy !== undefined && !proxy.includes('://'))
    return [
      skipped(
        `${what} was not asked: the address of the proxy ${proxy} lies in the password storage; use check_connection of the input`,
      ),
    ];
  try {
    const answer = await asked(target, host, signal);
    return target.judge(answer, target, host.now());
  } catch (error) {
    signal.throwIfAborted();
    return [failure(error, target)];
  }
}

async function asked(target: Target, host: Host, signal: AbortSignal): Promise<HttpAnswer> {
  const { url, path } = target;
  const ca = await trusted(target);
  const http = new HttpClient({
    url,
    ca,
    timeoutMs: host.withinMs * SHARE_OF_CALL,
    proxy: proxyFor(target, host),
  });
  try {
    return await http.call({ method: 'GET', path, headers: {} }, signal);
  } finally {
    await http.close().catch(() => undefined);
  }
}

/** PEM text; undefined for the usual authorities. Fails with KINLOG_CONFIG_INVALID. */
async function trusted({ ca, caOption, caBesides }: Target): Promise<string | undefined> {
  if (ca === undefined) return undefined;
  const found = await readBounded(ca);
  if (!(found instanceof Buffer) || !found.includes('-----BEGIN CERTIFICATE-----'))
    throw new KinlogError('KINLOG_CONFIG_INVALID', `${ca} can not be read, or holds no certificate in PEM form`, {
      remedy: `Check ${caOption}, and who may read that file.`,
    });
  return [...(caBesides ? rootCertificates : []), found.toString()].join('\n');
}

/** What the input itself uses: its own, or that of splunkd's environment; loopback is reached directly. */
function proxyFor({ url, proxy }: Target, { launch }: Host): URL | undefined {
  if (proxy !== undefined) return isLoopback(url) ? undefined : new URL(proxy);
  const named = (name: string) => launch.get(name) ?? launch.get(name.toUpperCase());
  const exceptions = (named('no_proxy') ?? '').split(',').map((name) => name.trim().replace(/^\*?\./, ''));
  const direct = exceptions.some((name) => name === '*' || (name !== '' && `.${url.hostname}`.endsWith(`.${name}`)));
  const inherited = named(`${url.protocol}//`.startsWith('https') ? 'https_proxy' : 'http_proxy');
  return inherited === undefined || direct || isLoopback(url) ? undefined : (URL.parse(inherited) ?? undefined);
}

function failure(error: unknown, { what, ca, caOption, proxy }: Target): Finding {
  if (isKinlogError(error, 'KINLOG_TLS_UNTRUSTED'))
    return fault(
      `${what}: ${error.message}`,
      `Name in ${caOption} a PEM file of the authority that signed it${ca === undefined ? '' : `; ${ca} is not it`}.`,
    );
  const { code, message, remedy } = asKinlogError(error, 'asking');
  if (code !== 'KINLOG_SERVICE_UNAVAILABLE') return fault(`${what}: ${message}`, remedy);
  const way = proxy === undefined ? 'firewall, or whether a proxy is needed' : 'the proxy and the firewall';
  return fault(
    `${what}: ${message}`,
    message.includes('ENOTFOUND') ? 'Check the name and the DNS of this host.' : `Check ${way}.`,
  );
}

function clockFindings({ headers }: HttpAnswer, now: number, what: string): Finding[] {
  const theirs = Date.parse(String(headers['date']));
  // Its Date has whole seconds.
  const skew = Math.abs(now - theirs);
  if (Number.isNaN(theirs) || skew < LARGE_SKEW_MS) return [];
  const text = `the clock of this host is ${ageOf(skew)} ${now > theirs ? 'ahead of' : 'behind'} that of ${what}`;
  const remedy = 'Set the clock, and keep it with NTP or chrony.';
  return [
    skew > REFUSED_SKEW_MS ? fault(`${text}: AWS refuses signatures from 5 min on`, remedy) : warning(text, remedy),
  ];
}
