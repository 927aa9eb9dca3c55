/** splunkd's management port, over which inputs get their secrets, and its KV store. */
import { asKinlogError } from '../../base/errors.ts';
import type { HttpAnswer, HttpClient } from '../../base/http.ts';
import { connectSplunkd } from '../../reader/checkpoint/kv-store-connection.ts';
import { splunkdAuthorities } from '../input/authorities.ts';
import { APP_ID } from '../input/stored.ts';
import { isOn } from './check-inputs.ts';
import { fault, ok, skipped, type Finding } from './finding.ts';
import { isTrue, settingOf, type Host } from './host.ts';

/** Of the time of a check, for one call. */
const SHARE_OF_CALL = 0.8;

export async function checkSplunkd(host: Host, signal: AbortSignal): Promise<Finding[]> {
  const { home, server, web, authorization } = host;
  if (isTrue(settingOf(server, 'httpServer', 'disableDefaultPort')))
    return [
      fault(
        'server.conf switches the management port off (disableDefaultPort)',
        'Switch it on: inputs get their secrets over it.',
      ),
    ];
  const scheme = settingOf(server, 'sslConfig', 'enableSplunkdSSL');
  const configured = settingOf(web, 'settings', 'mgmtHostPort') ?? '127.0.0.1:8089';
  // All addresses of the host are no address to call.
  const address = configured.replace(/^(?:0\.0\.0\.0|\[::\]):/, '127.0.0.1:');
  const url = `${scheme === undefined || isTrue(scheme) ? 'https' : 'http'}://${address}`;
  try {
    const ca = await splunkdAuthorities(home);
    const http = connectSplunkd({ url, app: APP_ID, ca, timeoutMs: host.withinMs * SHARE_OF_CALL }, {});
    try {
      const get = (path: string): Promise<HttpAnswer> => {
        const headers = authorization === undefined ? {} : { authorization };
        return http.call({ method: 'GET', path: `${path}?output_mode=json`, headers }, signal);
      };
      const { status } = await get('/services/server/info');
      return [...answerFindings(url, status, authorization !== undefined), ...(await kvFindings(host, status, get))];
    } finally {
      await closeQuietly(http);
    }
  } catch (error) {
    signal.throwIfAborted();
    const { code, message, remedy } = asKinlogError(error, `asking splunkd at ${url}`);
    const away = code === 'KINLOG_SERVICE_UNAVAILABLE';
    return [fault(message, away ? `Start splunkd, or correct mgmtHostPort in web.conf: inputs call ${url}.` : remedy)];
  }
}

const closeQuietly = (http: HttpClient): Promise<void> => http.close().catch(() => undefined);

function answerFindings(url: string, status: number, asked: boolean): Finding[] {
  if (status < 300) return [ok(`splunkd at ${url} answers`)];
  if (status === 401 && !asked) return [ok(`splunkd at ${url} answers, and asks who is calling (HTTP 401)`)];
  if (status === 401)
    return [
      fault(
        `splunkd at ${url} does not accept the token or session key given (HTTP 401)`,
        'Give one that is valid, or none.',
      ),
    ];
  return [fault(`splunkd at ${url} answers with HTTP ${status}`, 'splunkd.log says why.')];
}

async function kvFindings(
  { inputs, authorization }: Host,
  status: number,
  get: (path: string) => Promise<HttpAnswer>,
): Promise<Finding[]> {
  const wanted = inputs.some((input) => isOn(input) && input.options?.checkpointStore === 'kvstore');
  if (!wanted) return [];
  if (authorization === undefined)
    return [skipped('the KV store was not asked: set KINLOG_SPLUNK_SESSION_KEY, or name a file with --token-file')];
  if (status >= 300) return [];
  const answer = await get('/services/kvstore/status');
  const state = stateIn(answer);
  if (state === 'ready') return [ok('the KV store is ready')];
  return [
    fault(
      `the KV store is not ready: ${state}`,
      'See mongod.log and splunkd.log; inputs that keep positions there wait for it.',
    ),
  ];
}

function stateIn({ status, text }: HttpAnswer): string {
  try {
    const { entry } = JSON.parse(text) as { entry?: readonly { content?: { current?: { status?: unknown } } }[] };
    const state = entry?.[0]?.content?.current?.status;
    return typeof state === 'string' ? state.slice(0, 100) : `HTTP ${status}`;
  } catch {
    return `HTTP ${status}`;
  }
}
