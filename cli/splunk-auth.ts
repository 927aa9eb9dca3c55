/** What commands show Splunk to be let in; it stands in a file or in the environment, never on a command line. */
import { readFile } from 'node:fs/promises';
import { KinlogError } from '../base/errors.ts';
import type { SplunkAuth } from '../reader/checkpoint/kv-store-api.ts';

const SESSION_KEY = 'KINLOG_SPLUNK_SESSION_KEY';
const HEC_TOKEN = 'KINLOG_HEC_TOKEN';

/** The token is read from its file for every call, so that it can be renewed while a reader runs. Fails at once when there is nothing to show. */
export async function splunkAuth(
  tokenFile: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<() => Promise<SplunkAuth>> {
  if (tokenFile !== undefined) {
    await tokenIn(tokenFile);
    return async () => ({ kind: 'bearer', value: await tokenIn(tokenFile) });
  }
  const value = env[SESSION_KEY];
  if (value === undefined || value === '')
    throw new KinlogError('KINLOG_SPLUNK_REFUSED', 'there is neither a token nor a session key for the KV store', {
      remedy: `Name a file that holds a Splunk token, or set ${SESSION_KEY}.`,
      retry: 'never',
    });
  return () => Promise.resolve({ kind: 'session', value });
}

/** The same for the HTTP Event Collector. */
export async function hecToken(tokenFile: string | undefined, env: NodeJS.ProcessEnv): Promise<() => Promise<string>> {
  if (tokenFile !== undefined) {
    await tokenIn(tokenFile);
    return () => tokenIn(tokenFile);
  }
  const value = env[HEC_TOKEN]?.trim() ?? '';
  if (TOKEN.test(value)) return () => Promise.resolve(value);
  const what = value === '' ? 'there is no token' : `what stands in ${HEC_TOKEN} is no token`;
  throw new KinlogError('KINLOG_SPLUNK_REFUSED', `${what} for the HTTP Event Collector`, {
    remedy: `Name with tokenFile a file that holds the token, or set ${HEC_TOKEN}.`,
    retry: 'never',
  });
}

/** Goes into a header as it is. */
const TOKEN = /^[\x21-\x7e]+$/;

async function tokenIn(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new KinlogError('KINLOG_SPLUNK_REFUSED', `the token file ${file} can not be read: ${reasonOf(cause)}`, {
      remedy: 'Check its name and that this process may read it.',
      cause,
    });
  });
  const value = text.trim();
  if (TOKEN.test(value)) return value;
  throw new KinlogError('KINLOG_SPLUNK_REFUSED', `the file ${file} does not hold one Splunk token`, {
    remedy: 'Put the token into it, and nothing else.',
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
