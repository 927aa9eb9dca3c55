/** Who may have signed the certificate of the splunkd on this host: Splunk's own authority, and the one that an administrator has named in its place. */
import path from 'node:path';
import { enabledApps, readBounded, readConf } from '../conf.ts';

/** server.conf.spec, [sslConfig]: `sslRootCAPath`, and before it `caCertFile`. */
const SETTINGS = ['sslRootCAPath', 'caCertFile'];
const isPem = (text: string): boolean => text.includes('-----BEGIN CERTIFICATE-----');

/** PEM of all that can be read; undefined when there is none, or no Splunk. `home`: $SPLUNK_HOME. */
export async function splunkdAuthorities(home: string | undefined): Promise<string | undefined> {
  if (home === undefined || home === '') return undefined;
  const { stanzas } = await readConf(home, 'server.conf', await enabledApps(home));
  const named = SETTINGS.map((setting) => stanzas.get('sslConfig')?.get(setting)?.value ?? '');
  const files = ['etc/auth/cacert.pem', ...named].filter((name) => name !== '').map((name) => absolute(home, name));
  const found = await Promise.all([...new Set(files)].map((file) => readBounded(file)));
  const certificates = found.flatMap((bytes) => (bytes instanceof Buffer ? [bytes.toString()] : [])).filter(isPem);
  return certificates.length === 0 ? undefined : certificates.join('\n');
}

/** `caCertFile` may be a name within etc/auth. */
function absolute(home: string, name: string): string {
  const expanded = name.replaceAll(/\$SPLUNK_HOME|%SPLUNK_HOME%|\$\{SPLUNK_HOME\}/g, () => home);
  return path.isAbsolute(expanded) ? expanded : path.join(home, expanded.startsWith('etc') ? '' : 'etc/auth', expanded);
}
