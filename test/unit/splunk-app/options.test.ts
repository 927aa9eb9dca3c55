/** What an administrator may write into a stanza, and what is said about the rest. */
import { describe, expect, it } from 'vitest';
import { OPTIONS } from '../../../splunk-app/input/options.ts';
import { parseStanzaOptions } from '../../../splunk-app/input/stanza.ts';
import { snake } from '../../../base/config.ts';
import { positionDirectory } from '../../../splunk-app/input/positions.ts';

const good = { stream_name: 'access-logs', aws_region: 'eu-central-1' };
const parse = (params: Readonly<Record<string, string>>) => parseStanzaOptions(new Map(Object.entries(params)));
const faults = (params: Readonly<Record<string, string>>): string => {
  try {
    parse(params);
    return '';
  } catch (error) {
    expect(error).toMatchObject({ code: 'KINLOG_CONFIG_INVALID' });
    return (error as Error).message;
  }
};

describe('a stanza', () => {
  it('needs a stream and its region, and has defaults for the rest', () => {
    expect(parse(good)).toEqual({
      streamName: 'access-logs',
      awsRegion: 'eu-central-1',
      initialPosition: { kind: 'tip' },
      recordFormat: 'auto',
      checkpointStore: 'local',
      checkpointIntervalS: 1,
      otherReaders: 'share',
      leasePeriodS: 10,
      runOn: 'every_host',
      output: 'stdout',
      hecAck: false,
      fanOutRegister: false,
      idleMs: 1000,
      maxMbInFlight: 64,
      checkConnection: false,
      metricsIntervalS: 60,
      logLevel: 'INFO',
    });
  });

  it.each([
    [{ aws_access_key_id: 'AKIAIOSFODNN7EXAMPLE' }, 'aws_secret_access_key is missing'],
    [{ aws_secret_access_key: 'topsecret' }, 'aws_access_key_id is missing'],
    [
      { aws_credential: 'main', aws_access_key_id: 'AKIAIOSFODNN7EXAMPLE', aws_secret_access_key: 'topsecret' },
      'aws_credential and aws_access_key_id are both given',
    ],
    [{ aws_external_id: 'x1', sts_endpoint: 'https://sts.example.com' }, 'sts_endpoint is of no use without'],
    [{ fan_out_register: '1' }, 'fan_out_consumer is missing'],
    [{ checkpoint_store: 'dynamodb' }, 'checkpoint_table is missing'],
    [{ checkpoint_store: 'kvstore', checkpoint_table: 'rows' }, 'checkpoint_table is of no use unless'],
    [{ other_readers: 'refuse' }, 'other_readers refuse needs a checkpoint_store'],
    [{ run_on: 'captain', checkpoint_store: 'local' }, 'run_on captain needs a checkpoint_store'],
    [{ hec_url: 'https://hec.example.com:8088' }, 'hec_url is of no use unless output is hec'],
    [{ output: 'hec' }, 'hec_url is missing'],
    [{ output: 'hec', hec_url: 'https://h:8088' }, 'hec_credential is missing'],
    [{ output: 'hec', hec_url: 'https://h:8088', hec_token: 't', hec_credential: 'c' }, 'are both given'],
    [{ output: 'hec', hec_url: 'https://h:8088, http://h:8088', hec_token: 't' }, 'hec_url is "https://h:8088, http'],
    [{ output: 'hec', hec_url: 'https://h:8088/services/collector', hec_token: 't' }, 'without a user name and a path'],
    [{ proxy: 'http://me:topsecret@proxy:3128' }, 'proxy is "http://***@proxy:3128" but must be'],
  ])('is refused with %j, which make no sense together', (params, fault) => {
    expect(faults({ ...good, ...params })).toContain(fault);
    expect(faults({ ...good, ...params })).not.toContain('topsecret');
  });

  it('takes the mask for a secret, and nothing that holds a part of it', () => {
    const key = { ...good, aws_access_key_id: 'AKIAIOSFODNN7EXAMPLE' };
    expect(faults({ ...key, aws_secret_access_key: '********' })).toBe('');
    expect(faults({ ...key, aws_secret_access_key: '********new' })).toMatch(/^aws_secret_access_key holds a part/);
  });

  it('may name the stream by its ARN, which says the region', () => {
    const arn = 'arn:aws-us-gov:kinesis:us-gov-west-1:123456789012:stream/a.b_c-d';
    expect(parse({ stream_name: arn }).streamName).toBe(arn);
    expect(faults({ stream_name: arn, aws_region: 'us-gov-west-1' })).toBe('');
    expect(faults({ stream_name: arn, aws_region: 'eu-west-1' })).toMatch(/^aws_region is "eu-west-1" but the ARN/);
  });

  it.each([
    ['TRIM_HORIZON', { kind: 'horizon' }],
    ['latest', { kind: 'tip' }],
    ['2026-01-31T13:00:00Z', { kind: 'timestamp', ms: Date.UTC(2026, 0, 31, 13) }],
    ['2026-01-31T13:00:00.250+02:00', { kind: 'timestamp', ms: Date.UTC(2026, 0, 31, 11, 0, 0, 250) }],
    [' ', { kind: 'tip' }],
  ])('begins at %s', (value, start) => {
    expect(parse({ ...good, initial_position: value }).initialPosition).toEqual(start);
  });

  it('takes along what splunkd adds, and empty fields as absent', () => {
    const builtIns = { disabled: '0', host: '$decideOnStartup', index: 'default', interval: '0', sourcetype: 'x' };
    const more = {
      start_by_shell: 'false',
      'python.version': 'python3',
      _TCP_ROUTING: 'all',
      persistentQueueSize: '1GB',
    };
    expect(faults({ ...good, ...builtIns, ...more, kinesis_endpoint: '', idle_ms: '' })).toBe('');
  });

  it.each([
    [{ aws_region: 'eu-central-1' }, 'stream_name is missing'],
    [{ stream_name: 's' }, 'aws_region is missing'],
    [{ ...good, stream_name: 'a b' }, 'stream_name is "a b" but must be the name of a stream'],
    [{ ...good, aws_region: 'Frankfurt' }, 'aws_region is "Frankfurt" but must be an AWS region such as'],
    [{ ...good, initial_position: 'yesterday' }, 'initial_position is "yesterday" but must be LATEST, TRIM_HORIZON'],
    [{ ...good, initial_position: '2026-01-31T13:00:00' }, 'a time with its zone'],
    [{ ...good, initial_position: '2026-02-31T25:00:00Z' }, 'a time with its zone'],
    [
      { ...good, kinesis_endpoint: 'http://kinesis.example.com' },
      'kinesis_endpoint is "http://kinesis.example.com" but',
    ],
    [{ ...good, kinesis_endpoint: 'ftp://127.0.0.1' }, 'https:// URL'],
    [{ ...good, record_format: 'csv' }, 'record_format is "csv" but must be one of auto'],
    [{ ...good, checkpoint_interval_s: '0' }, 'checkpoint_interval_s is "0" but must be a whole number from 1 to 300'],
    [{ ...good, idle_ms: 'soon' }, 'idle_ms is "soon" but must be a whole number from 250'],
    [{ ...good, max_mb_in_flight: '1e9' }, 'max_mb_in_flight is "1e9" but must be'],
    [{ ...good, log_level: 'LOUD' }, 'log_level is "LOUD" but must be one of DEBUG'],
    [{ ...good, streamname: 's' }, 'streamname is not an option (did you mean stream_name?)'],
  ])('is refused for %j', (params, fault) => {
    expect(faults(params)).toContain(fault);
  });

  it('takes clear text only for a service on this host', () => {
    for (const url of ['http://127.0.0.1:4568', 'http://localhost:1', 'http://[::1]:1', 'https://vpce-1.example.com'])
      expect(faults({ ...good, kinesis_endpoint: url })).toBe('');
  });

  it.each([
    { aws_access_key_id: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY', aws_secret_access_key: 'AKIAIOSFODNN7EXAMPLE' },
    { aws_credential: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
    { aws_credential: 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYab' },
    { output: 'hec', hec_url: 'https://hec.example.com', hec_credential: '0cb7A0e4-1b5d-4d6f-9d3e-2b7a1c0f9e8d' },
  ])('does not show a secret that was typed into the field beside its own: %j', (typed) => {
    expect(faults({ ...good, ...typed })).toMatch(/^(aws_access_key_id|\w+_credential) must be /);
  });

  it('does not show a password that somebody put into a URL', () => {
    expect(faults({ ...good, kinesis_endpoint: 'https://me:hunter2@example.com' })).not.toContain('hunter2');
  });

  it('is told all its faults at once', () => {
    const message = faults({ stream_name: 'a b', aws_region: '?', idle_ms: 'x', nonsense: '1' });
    expect(message.split('; ')).toHaveLength(4);
    expect(faults({ stream_name: 's', idle_ms: 'x' })).toMatch(/idle_ms.*; aws_region is missing/);
  });

  it('names its options as inputs.conf does', () => {
    expect(Object.keys(OPTIONS).map(snake)).toEqual(Object.keys(OPTIONS).map((name) => snake(name).toLowerCase()));
  });
});

describe('the directory of positions', () => {
  it('is one for each stanza name and stays below the directory of the scheme', () => {
    const names = [
      'prod',
      'Prod x',
      '..',
      '.',
      '../up',
      'a/b',
      'a\\b',
      'größe',
      'a:b',
      'a%2Fb',
      'x'.repeat(300),
      `${'x'.repeat(300)}y`,
    ];
    const directories = names.map((name) => positionDirectory('/d/modinputs/kinesis_log', `kinesis_log://${name}`));
    expect(new Set(directories).size).toBe(names.length);
    for (const directory of directories) expect(directory).toMatch(/^\/d\/modinputs\/kinesis_log\/[\w%-]{1,200}$/);
    expect(directories[0]).toBe('/d/modinputs/kinesis_log/prod');
  });

  it('needs an absolute one to lie in', () => {
    expect(() => positionDirectory('', 'kinesis_log://a')).toThrow(
      expect.objectContaining({ code: 'KINLOG_INPUT_INVALID' }),
    );
  });
});
