/** Tries an HTTP Event Collector: whether it is there and well, knows the token, and acknowledges when it should. Nothing is stored. */
import { randomUUID } from 'node:crypto';
import { asKinlogError } from '../../base/errors.ts';
import type { HttpAnswer, HttpClient } from '../../base/http.ts';
import { hecConfig } from '../../reader/output/hec-config.ts';
import type { CheckContext } from './check.ts';

const COLLECTOR = '/services/collector';
/** "No data": the token was looked at first. help.splunk.com, Troubleshoot HTTP Event Collector. */
const NO_DATA = 5;
/** "Data channel is missing": so say tokens with useACK when there is none. */
const NO_CHANNEL = 10;
const HEALTHY = new Set([0, 17, 24]);

export async function collectorFaults(url: string, context: CheckContext, signal: AbortSignal): Promise<string[]> {
  const { options, secrets, log, withinMs } = context;
  const token = secrets.hecToken ?? '';
  const named = options.hecCredential === undefined ? 'hec_token' : 'hec_credential';
  const fault = (option: string, what: string) => [`${option}: ${what.replaceAll(token === '' ? '\0' : token, '…')}`];
  try {
    const config = {
      endpoints: [url],
      token: () => Promise.resolve(token),
      ca: options.hecCaFile,
      proxy: secrets.proxy,
      timeoutMs: withinMs,
      log,
    };
    const http = hecConfig(config).targets[0]!.connect();
    try {
      return await faultsAt(http, { url, token, named, ack: options.hecAck, fault }, signal);
    } finally {
      await http.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    const { code, message, remedy } = asKinlogError(error, `calling ${url}`);
    if (code === 'KINLOG_CONFIG_INVALID')
      return fault(options.hecCaFile === undefined ? 'proxy' : 'hec_ca_file', message);
    return fault(
      code === 'KINLOG_TLS_UNTRUSTED' ? 'hec_ca_file' : optionsOf(context),
      `${message} (${code}). ${remedy}`,
    );
  }
}

const optionsOf = ({ secrets }: CheckContext): string => (secrets.proxy === undefined ? 'hec_url' : 'hec_url, proxy');

interface Asked {
  readonly url: string;
  readonly token: string;
  /** The option that the token comes from. */
  readonly named: string;
  readonly ack: boolean;
  readonly fault: (option: string, what: string) => string[];
}

async function faultsAt(http: HttpClient, asked: Asked, signal: AbortSignal): Promise<string[]> {
  const { url, token, named, ack, fault } = asked;
  const channel = ack ? { 'x-splunk-request-channel': randomUUID() } : {};
  const headers = { authorization: `Splunk ${token}`, ...channel };
  const post = (path: string, body: string) =>
    http.call({ method: 'POST', path: COLLECTOR + path, headers, body }, signal).then(heard);
  const health = heard(await http.call({ method: 'GET', path: `${COLLECTOR}/health`, headers: {} }, signal));
  if (health.code === undefined)
    return fault('hec_url', `${url} answers as no HTTP Event Collector does (HTTP ${health.status})`);
  const well = HEALTHY.has(health.code) ? [] : fault('hec_url', `${url} is not well: ${health.text}`);
  const event = await post('/event', '');
  if (event.code === NO_CHANNEL)
    return [...well, ...fault('hec_ack', `the token wants indexer acknowledgement of ${url}: ${event.text}`)];
  if (event.code !== NO_DATA) return [...well, ...fault(named, `${url} does not take the token: ${event.text}`)];
  if (!ack) return well;
  const acks = await post('/ack', '{"acks":[0]}');
  return acks.status === 200 ? well : [...well, ...fault('hec_ack', `${url} does not acknowledge: ${acks.text}`)];
}

interface Heard {
  readonly status: number;
  readonly code: number | undefined;
  readonly text: string;
}

/** `{"text":"Invalid token","code":4}` */
function heard({ status, text }: HttpAnswer): Heard {
  const { code, text: words } = answerIn(text);
  const known = typeof code === 'number' ? code : undefined;
  const said = typeof words === 'string' ? `: ${words.slice(0, 100)}` : '';
  return { status, code: known, text: `HTTP ${status}${known === undefined ? '' : `, HEC code ${known}`}${said}` };
}

function answerIn(text: string): { readonly code?: unknown; readonly text?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as { code?: unknown; text?: unknown };
  } catch {
    return {};
  }
}
