/** Option tables: parsing, faults, names. */
import { describe, expect, it } from 'vitest';
import {
  choice,
  decimal,
  flag,
  fromEnvironment,
  integer,
  kebab,
  parseOptions,
  snake,
  text,
  url,
} from '../../../base/config.ts';
import { isKinlogError } from '../../../base/errors.ts';

const table = {
  streamName: {
    type: text('a stream name', /^[\w.-]{1,128}$/),
    title: 'Stream',
    text: 'Stream to read.',
    required: true,
  },
  idleMs: { type: integer(100, 60_000), title: 'Idle', text: 'Wait at the tip.', default: '1000' },
  rate: { type: decimal(0.5, 5), title: 'Rate', text: 'Calls a second.' },
  start: { type: choice(['LATEST', 'TRIM_HORIZON']), title: 'Start', text: 'Where to start.', default: 'LATEST' },
  verbose: { type: flag(), title: 'Verbose', text: 'Say more.', default: 'false' },
  endpoint: { type: url(), title: 'Endpoint', text: 'Another endpoint.', env: ['KINLOG_ENDPOINT', 'ENDPOINT'] },
  token: { type: text('a token', /^[a-z]+$/), title: 'Token', text: 'A secret.', secret: true },
} as const;
const style = { spell: snake, ignore: ['disabled'] };

function faultsOf(raw: Record<string, string>): string {
  try {
    parseOptions(table, raw, style);
  } catch (error) {
    if (isKinlogError(error, 'KINLOG_CONFIG_INVALID')) return error.message;
    throw error;
  }
  throw new Error('no fault was found');
}

describe('an option table', () => {
  it('parses text into values and fills in defaults', () => {
    const values = parseOptions(
      table,
      { stream_name: ' web ', start: 'trim_horizon', verbose: 'Yes', rate: '2.5', disabled: '0' },
      style,
    );
    expect(values).toEqual({ streamName: 'web', idleMs: 1000, rate: 2.5, start: 'TRIM_HORIZON', verbose: true });
  });

  it('takes an emptied field as absent', () => {
    expect(parseOptions(table, { stream_name: 'web', idle_ms: '  ', endpoint: '' }, style)).toMatchObject({
      idleMs: 1000,
    });
  });

  it('reports all faults at once, each with the name, the value and what is expected', () => {
    const message = faultsOf({
      idle_ms: '5',
      start: 'middle',
      verbose: 'maybe',
      endpoint: 'ftp://x',
      rate: '1e3',
      colour: 'red',
    });
    expect(message).toContain('stream_name is missing');
    expect(message).toContain('idle_ms is "5" but must be a whole number from 100 to 60000');
    expect(message).toContain('start is "middle" but must be one of LATEST, TRIM_HORIZON');
    expect(message).toContain('verbose is "maybe" but must be true or false');
    expect(message).toContain('endpoint is "ftp://x" but must be a URL');
    expect(message).toContain('rate is "1e3"');
    expect(message).toContain('colour is not an option');
  });

  it('suggests the option that a misspelt name comes near to', () => {
    expect(faultsOf({ stream_name: 'x', StreamName: 'web' })).toContain('did you mean stream_name?');
  });

  it('never shows the value of a secret', () => {
    const message = faultsOf({ stream_name: 'web', token: 'TOP-SECRET-1' });
    expect(message).toContain('token must be a token');
    expect(message).not.toContain('TOP-SECRET-1');
  });

  it('refuses a URL that carries a user name or a password', () => {
    expect(faultsOf({ stream_name: 'web', endpoint: 'https://me:pw@host' })).toContain('endpoint');
  });

  it('finds values in the environment, the first name wins', () => {
    expect(fromEnvironment(table, { ENDPOINT: 'http://b', KINLOG_ENDPOINT: 'http://a' }, { spell: kebab })).toEqual({
      endpoint: 'http://a',
    });
  });

  it('spells names as each place writes them', () => {
    expect([snake('maxMbInFlight'), kebab('maxMbInFlight')]).toEqual(['max_mb_in_flight', 'max-mb-in-flight']);
  });
});
