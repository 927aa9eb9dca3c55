/** What commands show splunkd to be let in; it stands in a file or in the environment, never on a command line. */
import { readFile } from 'node:fs/promises';
import { KinlogError } from '../base/errors.ts';
import type { SplunkAuth } from '../reader/checkpoint/kv-store-api.ts';

const SESSION_KEY = 'KINLOG_SPLUNK_SESSION_KEY';

/** The token is read from its file for every call, so that it can be renewed while a reader runs. Fails at once when there is nothing to show. */
export async function splunkAuth(
  tokenFile: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<() => Promise<SplunkAuth>> {
  if (tokenFile !== undefined) {
    const token = () => tokenIn(tokenFile);
    await token();
    return token;
  }
  const value = env[SESSION_KEY];
  if (value === undefined || value === '')
    throw new KinlogError('KINLOG_SPLUNK_REFUSED', 'there is neither a token nor a session key for the KV store', {
      remedy: `Name a file that holds a Splunk token, or set ${SESSION_KEY}.`,
      retry: 'never',
    });
  return () => Promise.resolve({ kind: 'session', value });
}

async function tokenIn(file: string): Promise<SplunkAuth> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new KinlogError('KINLOG_SPLUNK_REFUSED', `the token file ${file} can not be read: ${reasonOf(cause)}`, {
      remedy: 'Check its name and that this process may read it.',
      cause,
    });
  });
  const value = text.trim();
  if (value !== '' && !/\s/.test(value)) return { kind: 'bearer', value };
  throw new KinlogError('KINLOG_SPLUNK_REFUSED', `the file ${file} does not hold one Splunk token`, {
    remedy: 'Put the token into it, and nothing else.',
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
