/** How splunkd is reached: its address, its certificate, and what may be left unchecked on one's own host. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { KinlogError } from '../../base/errors.ts';
import { HttpClient } from '../../base/http.ts';
import { addressFaults, certificatesIn, isLoopback, type Certificates } from '../../base/server-address.ts';

export interface KvConnectionOptions {
  /** Management port of splunkd, such as https://127.0.0.1:8089. */
  readonly url: string;
  /** The app that declares the collection. */
  readonly app: string;
  /** Default: kinlog_rows, as the app of this project declares it. */
  readonly collection?: string | undefined;
  /** Certificates that splunkd's is checked with: PEM, or a file of it. Default on this host: Splunk's own, $SPLUNK_HOME/etc/auth/cacert.pem, when it exists. */
  readonly ca?: string | undefined;
  /** Checks no certificate; only for splunkd on this host. */
  readonly verify?: false | undefined;
  /** For each call, milliseconds; default 30,000. */
  readonly timeoutMs?: number | undefined;
}

/** Fails with KINLOG_CONFIG_INVALID, which names every fault. */
export function connectSplunkd(options: KvConnectionOptions, env: NodeJS.ProcessEnv): HttpClient {
  const { verify, timeoutMs } = options;
  const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
  const local = url !== undefined && isLoopback(url);
  const { ca, faults: unread } = certificates(options, local ? env['SPLUNK_HOME'] : undefined);
  const strange = local ? [] : remoteFaults(url, verify);
  const address = addressFaults(options.url, url, 'https://127.0.0.1:8089').map((fault) => `url: ${fault}`);
  const faults = [...address, ...strange, ...nameFaults(options), ...unread];
  if (url === undefined || faults.length > 0)
    throw new KinlogError('KINLOG_CONFIG_INVALID', `splunkd can not be reached as configured: ${faults.join('; ')}`);
  // Splunk's own certificate names no host; on this one, who signed it is what can be checked.
  const signer = local && ca !== undefined ? 'chain' : 'all';
  return new HttpClient({ url, ca, verify: verify === false ? 'nothing' : signer, timeoutMs });
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

function remoteFaults(url: URL | undefined, verify: false | undefined): string[] {
  return [
    ...(url?.protocol === 'http:' ? [`url: ${url.host} is another host, so it must be https`] : []),
    ...(url !== undefined && verify === false
      ? [`verify: the certificate of ${url.host}, another host, must be checked`]
      : []),
  ];
}

function nameFaults({ app, collection }: KvConnectionOptions): string[] {
  return [
    ...(NAME.test(app) ? [] : [`app: ${JSON.stringify(app)} is no name of an app`]),
    ...(collection === undefined || NAME.test(collection)
      ? []
      : [`collection: ${JSON.stringify(collection)} is no name of a collection`]),
  ];
}

/** `home`: of the Splunk instance whose own certificate may be looked for. */
function certificates({ ca, verify }: KvConnectionOptions, home = ''): Certificates {
  const own = home === '' ? '' : join(home, 'etc/auth/cacert.pem');
  const given = ca ?? (existsSync(own) ? own : '');
  if (verify === false || given === '') return { faults: [] };
  return certificatesIn(given);
}
