/** The file of `kinlog run`: what it means, and everything that can be wrong with it, all at once. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseRunConfig, readRunConfig, type RunConfig } from '../../../cli/run-config.ts';
import { runSchema } from '../../../cli/run-schema.ts';
import { z } from 'zod';

const root = path.join(import.meta.dirname, '../../..');

function config(text: string): RunConfig {
  const parsed = parseRunConfig(text, 'reader.yaml');
  if ('faults' in parsed) throw new Error(parsed.faults.join('\n'));
  return parsed.config;
}

function faults(text: string): readonly string[] {
  const parsed = parseRunConfig(text, 'reader.yaml');
  return 'faults' in parsed ? parsed.faults : [];
}

const PARTS = 'store: { kind: leveldb, directory: /d }\noutput: { kind: ndjson }\n';

describe('a file that is right', () => {
  it('gives every stream the store and the output at the top unless it has its own', () => {
    const { streams } = config(
      `${PARTS}streams:\n- stream: a\n- { stream: b, store: { kind: memory } }\n- stream: a\n  store: { kind: memory }`,
    );
    expect(streams).toMatchObject([
      { id: 'a', store: { kind: 'leveldb', directory: '/d' }, output: { kind: 'ndjson' } },
      { id: 'b', store: { kind: 'memory' } },
      { id: 'a#2', store: { kind: 'memory' } },
    ]);
  });

  it('says where reading begins in the words of the commands', () => {
    const starts = ['tip', 'horizon', 'stored', '2026-01-31T10:00:00Z'].map(
      (start) =>
        config(`${PARTS}streams: [{ stream: a, start: ${start}, onLostPosition: 2026-01-31T10:00:00Z }]`).streams[0]!,
    );
    const ms = Date.UTC(2026, 0, 31, 10);
    expect(starts.map(({ start }) => start)).toEqual([
      { kind: 'tip' },
      { kind: 'horizon' },
      { kind: 'stored' },
      { kind: 'timestamp', ms },
    ]);
    expect(starts[0]!.onLostPosition).toEqual({ kind: 'timestamp', ms });
  });

  it('may say once with an anchor what several streams share', () => {
    const { streams } = config(
      `${PARTS}streams:\n- &first { stream: a, region: eu-west-1, idleMs: 500 }\n- { <<: *first, stream: b }`,
    );
    expect(streams[1]).toMatchObject({ stream: 'b', region: 'eu-west-1', idleMs: 500 });
  });

  it('registers no consumer unless it is told to', () => {
    const fanOut = (more: string) =>
      config(`${PARTS}streams: [{ stream: a, fanOut: { consumer: splunk${more} } }]`).streams[0]!.fanOut;
    expect(fanOut('')).toEqual({ consumer: 'splunk', register: false });
    expect(fanOut(', register: true')).toEqual({ consumer: 'splunk', register: true });
  });

  it('can say where KCL rows without a time begin', () => {
    const store = 'store: { kind: dynamodb, table: leases, untimedStart: 2026-01-31T10:00:00Z, tags: { team: logs } }';
    expect(config(`output: { kind: ndjson }\n${store}\nstreams: [{ stream: a }]`).streams[0]!.store).toMatchObject({
      table: 'leases',
      untimedStartMs: Date.UTC(2026, 0, 31, 10),
      tags: { team: 'logs' },
    });
  });

  it('gives every stream the dead letters at the top unless it has its own', () => {
    const { streams } = config(
      `${PARTS}deadLetters: { file: /l, maxMb: 5 }\nstreams:\n- stream: a\n- { stream: b, deadLetters: { file: /m } }`,
    );
    expect(streams.map(({ deadLetters }) => deadLetters)).toEqual([{ file: '/l', maxMb: 5 }, { file: '/m' }]);
    expect(config(`${PARTS}streams: [{ stream: a }]`).streams[0]!.deadLetters).toBeUndefined();
  });

  it('sends events to Splunk, in the clear only on this host', () => {
    const hec = (endpoint: string) =>
      config(`output: { kind: hec, endpoints: ["${endpoint}"] }\nstore: { kind: memory }\nstreams: [{ stream: a }]`);
    for (const endpoint of ['https://splunk:8088', 'http://127.0.0.1:8088', 'http://localhost:8088', 'http://[::1]:1'])
      expect(hec(endpoint).streams[0]!.output).toEqual({ kind: 'hec', endpoints: [endpoint] });
  });

  it('may tune how events are sent to Splunk', () => {
    const tuned = 'maxInFlight: 12, maxBodyBytes: 500000, maxEventBytes: 1000000, ackTimeoutMs: 60000';
    const hec = `output: { kind: hec, endpoints: ["https://splunk:8088"], ${tuned} }`;
    expect(config(`${hec}\nstore: { kind: memory }\nstreams: [{ stream: a }]`).streams[0]!.output).toMatchObject({
      ...{ maxInFlight: 12, maxBodyBytes: 500_000, maxEventBytes: 1_000_000, ackTimeoutMs: 60_000 },
    });
  });

  it('is the example, and docs/run.md names every option', () => {
    expect(faults(readFileSync(path.join(root, 'examples/reader.yaml'), 'utf8'))).toEqual([]);
    const guide = readFileSync(path.join(root, 'docs/run.md'), 'utf8');
    const missing = keysOf(z.toJSONSchema(runSchema, { unrepresentable: 'any', io: 'input' })).filter(
      (key) => !guide.includes(`\`${key}`),
    );
    expect(missing).toEqual([]);
  });
});

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
}

/** Every key of every group. */
function keysOf(schema: object): string[] {
  const { properties = {}, items, oneOf = [], anyOf = [] } = schema as JsonSchema;
  return [
    ...Object.entries(properties).flatMap(([key, inner]) => [key, ...keysOf(inner)]),
    ...[...(items === undefined ? [] : [items]), ...oneOf, ...anyOf].flatMap(keysOf),
  ];
}

describe('a file with faults', () => {
  it('has all of them named, each with its line and its path', () => {
    const text = `name: "a b"
logLvel: debug
status: { listen: 9464 }
maxMbInFlight: 0
output: { kind: hec, token: secret-token, ack: maybe, endpoints: ["http://splunk:8088", "https://u:p@splunk"] }
deadLetters: { maxMb: 0 }
streams:
  - stream: "no/name"
    region: EU WEST
    endpoint: ftp://user:password@host
    roleArn: 7
    start: yesterday
    onLostPosition: tip
    format: xml
    lines: "yes"
    checkpointEveryMs: 5
    idleMs: 1.5
    idleMS: 500
    leasePeriodMs:
    store: { kind: dynamodb, tabel: t }
  - stream: ok
    output: { kind: ndjson, file: "", rotate: { maxMb: 1 } }
  - { stream: other, output: { kind: hec, endpoints: [] }, deadLetters: /letters }
`;
    expect(faults(text)).toEqual([
      'reader.yaml:1: name is "a b" but must be a name of up to 64 letters, digits and ._-',
      'reader.yaml:2: logLvel is not an option (did you mean logLevel?)',
      'reader.yaml:3: status.listen is "9464" but must be HOST:PORT, such as 127.0.0.1:9464',
      'reader.yaml:4: maxMbInFlight is "0" but must be a whole number from 1 to 100000',
      'reader.yaml:5: output.token is not an option (did you mean tokenFile?)',
      'reader.yaml:5: output.ack is "maybe" but must be true or false',
      'reader.yaml:5: output.endpoints[0] is "http://splunk:8088" but must be an address such as https://splunk:8088; http only on this host',
      'reader.yaml:5: output.endpoints[1] is "https://***@splunk" but must be an address such as https://splunk:8088; http only on this host',
      'reader.yaml:6: deadLetters.file is missing: a file',
      'reader.yaml:6: deadLetters.maxMb is "0" but must be a whole number from 1 to 1000000',
      expect.stringMatching(/^reader.yaml:8: streams\[0\].stream is "no\/name" but must be the name of a stream/),
      expect.stringMatching(/^reader.yaml:9: streams\[0\].region is "EU WEST" but must be an AWS region/),
      'reader.yaml:10: streams[0].endpoint is "ftp://***@host" but must be a URL such as https://host:port',
      'reader.yaml:11: streams[0].roleArn is "7" but must be the ARN of a role',
      expect.stringMatching(
        /^reader.yaml:12: streams\[0\].start is "yesterday" but must be tip, horizon, a time .* or stored$/,
      ),
      expect.stringMatching(/^reader.yaml:13: streams\[0\].onLostPosition is "tip" but must be stop, horizon, a time/),
      'reader.yaml:14: streams[0].format is "xml" but must be one of auto, kinlog, cloudwatch, hec, json, text',
      'reader.yaml:15: streams[0].lines is "yes" but must be true or false',
      'reader.yaml:16: streams[0].checkpointEveryMs is "5" but must be a whole number from 100 to 86400000',
      'reader.yaml:17: streams[0].idleMs is "1.5" but must be a whole number from 250 to 86400000',
      'reader.yaml:18: streams[0].idleMS is not an option (did you mean idleMs?)',
      'reader.yaml:19: streams[0].leasePeriodMs is empty but must be a whole number from 1000 to 86400000',
      'reader.yaml:20: streams[0].store.table is missing: the name of a DynamoDB table',
      'reader.yaml:20: streams[0].store.tabel is not an option (did you mean table?)',
      'reader.yaml:21: streams[1].store is missing: say it here, or at the top for all streams',
      'reader.yaml:22: streams[1].output.file is "" but must be a file',
      'reader.yaml:22: streams[1].output.rotate.keep is missing: a whole number from 1 to 10000',
      'reader.yaml:23: streams[2].store is missing: say it here, or at the top for all streams',
      'reader.yaml:23: streams[2].output.endpoints is an empty list but must be a list of one address at least',
      'reader.yaml:23: streams[2].deadLetters is "/letters" but must be a group of options',
    ]);
  });

  it('never shows what stands behind a key that does not exist, such as a secret', () => {
    expect(faults(`${PARTS}token: hunter2\nstreams: [{ stream: a, password: hunter2 }]`).join()).not.toContain(
      'hunter2',
    );
    expect(faults(`${PARTS}streams: [{ stream: a, token: "hunter2 }]`).join()).not.toContain('hunter2');
  });

  it.each([
    ['', 'reader.yaml:1: the file is empty but must be a group of options'],
    ['- a', 'reader.yaml:1: the file is a list but must be a group of options'],
    [PARTS, 'reader.yaml:1: streams is missing: a list of streams'],
    [`${PARTS}streams: []`, 'reader.yaml:3: streams is an empty list but must be a list of one stream at least'],
    [`${PARTS}streams: [a]`, 'reader.yaml:3: streams[0] is "a" but must be a group of options'],
    [`${PARTS}streams: [{ stream: a }]\nstreams: [{ stream: b }]`, 'reader.yaml:4: Map keys must be unique'],
    [
      `store: { kind: memory }\noutput: { kind: s3 }\nstreams: [{ stream: a }]`,
      'reader.yaml:2: output.kind is "s3" but must be one of ndjson, hec',
    ],
    [
      `store: { kind: redis }\noutput: { kind: ndjson }\nstreams: [{ stream: a }]`,
      'reader.yaml:1: store.kind is "redis" but must be one of memory, leveldb, dynamodb, kv-store',
    ],
  ])('that is %j is told so', (text, fault) => expect(faults(text)).toEqual([fault]));

  it('with tabs or a broken quote says the line of the first fault', () => {
    expect(faults('name: x\nstreams:\n\t- stream: a')[0]).toMatch(/^reader.yaml:3: /);
  });

  it('that is not there is told so', () => {
    expect(() => readRunConfig('/nowhere/reader.yaml')).toThrow(/\/nowhere\/reader.yaml can not be read/);
  });
});

describe('what is right by itself and wrong together', () => {
  const two = (first: string, second: string) =>
    faults(`${PARTS}streams:\n- { stream: a${first} }\n- { stream: ${second} }`);

  it('is an authority that is not there, unless the work is on positions and nobody opens the output', () => {
    const output = 'output: { kind: hec, endpoints: ["https://splunk:8088"], ca: /nowhere/ca.crt }';
    const text = `${output}\nstore: { kind: memory }\nstreams: [{ stream: a }]`;
    expect(faults(text)).toEqual([expect.stringMatching(/^reader.yaml:1: output .*\/nowhere\/ca.crt/)]);
    expect(parseRunConfig(text, 'reader.yaml', 'output')).toHaveProperty('config');
    const store = '{ kind: kv-store, url: 3 }';
    expect(parseRunConfig(text.replace('{ kind: memory }', store), 'reader.yaml', 'output')).toHaveProperty('faults');
  });

  it('is two readers of one stream in the same rows', () => {
    expect(two('', 'a')).toEqual([
      'reader.yaml:5: streams[1] and streams[0] would keep their positions in the same rows of leveldb:/d',
    ]);
    expect(two('', 'arn:aws:kinesis:eu-west-1:123456789012:stream/a')).toHaveLength(1);
    expect(two('', 'a, store: { kind: leveldb, directory: /other }')).toEqual([]);
  });

  it('is two streams in a table that holds one', () => {
    const table = (more = '') => `, store: { kind: dynamodb, table: leases${more} }`;
    expect(two(table(), `b${table()}`)).toEqual([
      'reader.yaml:5: streams[1] and streams[0] share dynamodb:leases, which must say keys: stream, or be two tables',
    ]);
    expect(two(table(', keys: stream'), `b${table(', keys: stream')}`)).toEqual([]);
    expect(two(table(', readCapacity: 5'), 'b')).toEqual([
      'reader.yaml:4: streams[0].store must say both readCapacity and writeCapacity, or neither',
    ]);
  });

  it('is what is only of use with a role, for the stream and for its table', () => {
    expect(
      two(
        ', externalId: x',
        'b, store: { kind: dynamodb, table: leases, sessionName: "y z", roleArn: "arn:aws:iam::123456789012:role/r" }',
      ),
    ).toEqual([
      'reader.yaml:4: streams[0] has externalId: of no use without a role (roleArn)',
      'reader.yaml:5: streams[1].store has sessionName: must be 2 to 64 letters, digits or _+=,.@-',
    ]);
  });

  it('is a consumer to register that has an ARN already', () => {
    const arn = 'arn:aws:kinesis:eu-west-1:123456789012:stream/a/consumer/c:1';
    expect(two(`, fanOut: { consumer: "${arn}", register: true }`, 'b')).toEqual([
      'reader.yaml:4: streams[0].fanOut must say the name of the consumer, not its ARN, to have it registered',
    ]);
  });

  it('is a file that two streams rotate differently, or a rotation that never comes', () => {
    const file = (rotate: string) => `, output: { kind: ndjson, file: /f, rotate: { ${rotate} } }`;
    expect(two(file('maxMb: 1, keep: 1'), `b${file('maxMb: 2, keep: 1')}`)).toEqual([
      'reader.yaml:5: streams[1] and streams[0] write to /f but rotate it differently',
    ]);
    expect(two(file('keep: 1'), 'b')).toEqual([
      'reader.yaml:4: streams[0].output must say in rotate what ends a file: maxMb or everyMinutes, or both',
    ]);
    expect(two(', output: { kind: ndjson, rotate: { maxMb: 1, keep: 1 } }', 'b')).toEqual([
      'reader.yaml:4: streams[0].output has rotate but no file',
    ]);
  });

  it('is what HEC can not be reached by, all of it', () => {
    const hec = 'endpoints: ["https://splunk:8088/services/collector"], ca: /nowhere.pem';
    const found = two(`, output: { kind: hec, ${hec} }`, 'b');
    expect(found).toEqual([
      'reader.yaml:4: streams[0].output is wrong: HEC can not be reached as configured: endpoints[0]: nothing may follow the port; ca: /nowhere.pem can not be read: ENOENT',
    ]);
  });

  it('is told once, where it stands, when streams share the part that has it', () => {
    const hec = 'output: { kind: hec, endpoints: ["https://splunk:8088/services/collector"] }';
    const found = faults(`${hec}\nstore: { kind: memory }\nstreams:\n  - { stream: a }\n  - { stream: b }`);
    expect(found).toEqual([
      'reader.yaml:1: output is wrong: HEC can not be reached as configured: endpoints[0]: nothing may follow the port',
    ]);
  });

  it('is a file that holds dead letters and something else, or two limits for one', () => {
    const letters = (more: string) => `, deadLetters: { file: /f${more} }`;
    expect(two(`${letters('')}, output: { kind: ndjson, file: /f }`, 'b')).toEqual([
      'reader.yaml:4: streams[0].output and deadLetters write to /f',
    ]);
    expect(two(letters(''), 'b, output: { kind: ndjson, file: /f }')).toEqual([
      'reader.yaml:5: streams[1] and streams[0] would mix events and dead letters in /f',
    ]);
    expect(two(', output: { kind: ndjson, file: /f }', `b${letters('')}`)).toEqual([
      'reader.yaml:5: streams[1] and streams[0] would mix events and dead letters in /f',
    ]);
    expect(two(letters(', maxMb: 1'), `b${letters(', maxMb: 2')}`)).toEqual([
      'reader.yaml:5: streams[1] and streams[0] put dead letters into /f but limit it differently',
    ]);
    expect(two(letters(', maxMb: 1'), `b${letters(', maxMb: 1')}`)).toEqual([]);
  });
});
