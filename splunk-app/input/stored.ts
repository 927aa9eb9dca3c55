/** What lies in Splunk's password storage for this app: realms, names, and the form of each secret. The set-up page writes it too. */
import type { Option } from '../../base/config.ts';
import { KinlogError } from '../../base/errors.ts';
import { OPTIONS, SCHEME } from './options.ts';

/** Whose namespace holds the secrets. */
export const APP_ID = 'kinloader';

export const REALMS = {
  /** By the name of a credential: `{"accessKeyId":"AKIA…","secretAccessKey":"…"}`. */
  aws: 'kinloader_aws',
  /** By the name of a token: the token. */
  hec: 'kinloader_hec',
  /** By the name of a proxy: its address with user and password. */
  proxy: 'kinloader_proxy',
  /** By stanza and option: what was typed into the stanza. */
  input: 'kinloader_input',
} as const;

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** `kinesis_log://prod` → `prod`. */
export const inputName = (stanza: string): string =>
  stanza.startsWith(`${SCHEME}://`) ? stanza.slice(SCHEME.length + 3) : stanza;

/** `kinesis_log://prod`, `hec_token` → `prod.hec_token`; other characters than letters, digits and a few marks are escaped as in addresses. */
export const inputSecretName = (stanza: string, option: string): string =>
  `${encodeURIComponent(inputName(stanza).toWellFormed())}.${option}`;

/** Fails with KINLOG_SECRET_UNUSABLE, which never tells what is stored. */
export function parseAccessKey(stored: string, name: string): AccessKey {
  const { accessKeyId, secretAccessKey } = objectIn(stored);
  const { awsAccessKeyId, awsSecretAccessKey } = OPTIONS;
  if (isOf(awsAccessKeyId, accessKeyId) && isOf(awsSecretAccessKey, secretAccessKey))
    return { accessKeyId, secretAccessKey };
  throw malformed(`the AWS access key "${name}" (realm ${REALMS.aws})`);
}

export function parseToken(stored: string, name: string): string {
  if (isOf(OPTIONS.hecToken, stored)) return stored;
  throw malformed(`the HEC token "${name}" (realm ${REALMS.hec})`);
}

export function parseProxy(stored: string, name: string): string {
  if (/^https?:$/.test(URL.parse(stored)?.protocol ?? '')) return stored;
  throw malformed(`the proxy "${name}" (realm ${REALMS.proxy})`);
}

const isOf = ({ type }: Option<string>, value: unknown): value is string => type.schema.safeParse(value).success;

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(text) ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

const malformed = (what: string): KinlogError =>
  new KinlogError('KINLOG_SECRET_UNUSABLE', `${what} is stored in a form that can not be read`, {
    remedy: 'Store it again on the set-up page of the app.',
  });
