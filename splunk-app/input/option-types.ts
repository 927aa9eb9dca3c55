/** Types of settings that only a stanza has. */
import * as z from 'zod';
import type { OptionType } from '../../base/config.ts';
import type { LostPosition } from '../../reader/index.ts';

/** Where a stream without stored positions is read from. */
export type Start =
  | { readonly kind: 'tip' }
  | { readonly kind: 'horizon' }
  | { readonly kind: 'stored' }
  | { readonly kind: 'timestamp'; readonly ms: number };

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

const instant = (value: string): number => (INSTANT.test(value) ? Date.parse(value) : NaN);

export const start = (): OptionType<Start> => ({
  kind: 'string',
  expects: 'LATEST, TRIM_HORIZON, STORED, or a time with its zone such as 2026-01-31T13:00:00Z',
  schema: z.string().transform((value, context): Start => {
    const kind = START_KINDS[value.toUpperCase()];
    if (kind !== undefined) return { kind };
    const ms = instant(value);
    if (Number.isNaN(ms)) context.addIssue({ code: 'custom' });
    return { kind: 'timestamp', ms };
  }),
});

const START_KINDS: Readonly<Record<string, 'tip' | 'horizon' | 'stored'>> = {
  LATEST: 'tip',
  TRIM_HORIZON: 'horizon',
  STORED: 'stored',
};

export const lostPosition = (): OptionType<LostPosition> => ({
  kind: 'string',
  expects: 'STOP, TRIM_HORIZON, or a time with its zone such as 2026-01-31T13:00:00Z',
  schema: z.string().transform((value, context): LostPosition => {
    if (value.toUpperCase() === 'STOP') return 'stop';
    if (value.toUpperCase() === 'TRIM_HORIZON') return 'horizon';
    const ms = instant(value);
    if (Number.isNaN(ms)) context.addIssue({ code: 'custom' });
    return { kind: 'timestamp', ms };
  }),
});

/** Clear text is for a test service on this very host. */
export const endpoint = (): OptionType<string> => ({
  kind: 'string',
  expects: 'an https:// URL without a user name (http:// only for this host itself)',
  schema: z.string().refine(isEndpoint),
});

/** Of equal standing, separated by commas. */
export const endpoints = (): OptionType<readonly string[]> => ({
  kind: 'string',
  expects:
    'one or several https:// URLs without a user name and a path, separated by commas (http:// only for this host itself)',
  schema: z
    .string()
    .transform((value) =>
      value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    )
    .refine((urls) => urls.length > 0 && urls.every((url) => isEndpoint(url) && hasNoPath(url))),
});

/** A proxy with a password is stored on the set-up page and named here. */
export const proxy = (): OptionType<string> => ({
  kind: 'string',
  expects: 'an http:// or https:// URL without a user name, or the name of a proxy that is stored on the set-up page',
  schema: z.string().refine((value) => {
    const parsed = urlIn(value);
    if (parsed === null || !value.includes('://')) return STORED_NAME.test(value);
    return /^https?:$/.test(parsed.protocol) && parsed.username === '' && parsed.password === '';
  }),
});

/** Of what is stored on the set-up page. */
export const STORED_NAME = /^[a-zA-Z0-9_.-]{1,64}$/;
/** A HEC token, a secret access key: typed in place of its name it would be told to everybody as a name that is not known. */
const SECRET_ITSELF = /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[a-z0-9]{40})$/i;

export const storedName = (what: string): OptionType<string> => ({
  kind: 'string',
  expects: `the name of ${what} that is stored on the set-up page`,
  schema: z.string().refine((value) => STORED_NAME.test(value) && !SECRET_ITSELF.test(value)),
});

export const absoluteFile = (): OptionType<string> => ({
  kind: 'string',
  expects: 'the absolute name of a file',
  // eslint-disable-next-line no-control-regex -- no file is meant by a name with control characters
  schema: z.string().regex(/^(\/|[A-Za-z]:[\\/])[^\x00-\x1f]{1,1000}$/),
});

/** Nothing longer is the address of anything. */
const LONGEST_URL = 1000;

const urlIn = (value: string): URL | null => (value.length > LONGEST_URL ? null : URL.parse(value));

function isEndpoint(value: string): boolean {
  const parsed = urlIn(value);
  if (parsed === null || parsed.username !== '' || parsed.password !== '') return false;
  return parsed.protocol === 'https:' || (parsed.protocol === 'http:' && isLoopback(parsed.hostname));
}

function hasNoPath(value: string): boolean {
  const parsed = urlIn(value);
  return parsed?.pathname === '/' && parsed.search === '' && parsed.hash === '';
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
