/** logdecode as a process, on input that no dumpstream of ours wrote. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { run, ToolProcess } from './cli-process.ts';

interface Vector {
  readonly name: string;
  readonly recordHex: string;
  readonly encIdText: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly dataHex: string; readonly time?: string }[];
}

const VECTORS = path.join(import.meta.dirname, '../golden/vectors/kinlog-v1.json');
const { vectors } = JSON.parse(readFileSync(VECTORS, 'utf8')) as { readonly vectors: readonly Vector[] };

const line = (data: Buffer, seq = '1'): string =>
  `{"arrival_time":"2026-01-05T07:30:00Z","partition_key":"p","seq":"${seq}","data":"${data.toString('base64')}"}\n`;

it('records of the original sender: every vector, with enc_id digit for digit', async () => {
  const broken = vectors.filter(({ metadata }) => metadata['unbroken'] === false);
  expect(broken.length).toBeGreaterThan(5);
  const input = broken.map(({ recordHex }) => line(Buffer.from(recordHex, 'hex'))).join('');
  const decoded = await run('logdecode', ['--format=json'], { input });
  expect(decoded).toMatchObject({ status: 0, stderr: '' });
  const expected = broken.flatMap(({ events, encIdText, metadata }) =>
    events.map(({ dataHex }) => [
      `"enc_id":${encIdText},`,
      metadata['source'],
      Buffer.from(dataHex, 'hex').toString().replace(/\n$/, ''),
    ]),
  );
  const found = decoded.stdout
    .trimEnd()
    .split('\n')
    .map((text) => {
      const { source, event } = JSON.parse(text) as { source: string; event: string };
      return [/"enc_id":\d+,/.exec(text)?.[0], source, event];
    });
  expect(found).toEqual(expected);
});

it('what can not be decoded is written as it is, named, and makes the exit status 2', async () => {
  const junk = Buffer.from([0, 1, 2, 0xff]);
  const input = `${line(gzipSync('fine'))}nonsense!\n${line(junk, '77')}`;
  const decoded = new ToolProcess('logdecode', []);
  decoded.child.stdin.end(input);
  const { status, stderr } = await decoded.finished();
  expect(status).toBe(2);
  expect(decoded.bytes.equals(Buffer.concat([Buffer.from('fine\n'), junk, Buffer.from('\n')]))).toBe(true);
  expect(stderr.split('\n').slice(0, 3)).toEqual([
    'kinlog: line 2 is neither JSON nor base64',
    expect.stringMatching(/^kinlog: record 77 could not be decoded and is written as it is: \w/),
    expect.stringContaining('1 undecoded'),
  ]);
});

it('a record of 10 MiB and a line as long as that', async () => {
  const event = 'e'.repeat(10_000_000);
  const decoded = await run('logdecode', [], { input: line(Buffer.from(event)) });
  expect(decoded.status).toBe(0);
  expect(decoded.stdout === `${event}\n`).toBe(true);
});

it('a file that is not there is one line with its name', async () => {
  const missing = await run('logdecode', ['/no/such/dump.jsonl']);
  expect(missing).toMatchObject({ status: 1, stdout: '' });
  expect(missing.stderr).toMatch(/\/no\/such\/dump\.jsonl.*\(KINLOG_INPUT_INVALID\)/);
});

it('a target that can not be written is one line with its name', async () => {
  const refused = await run('logdecode', ['-f', path.join(VECTORS, '%host%.log')], { input: line(Buffer.from('x')) });
  expect(refused.status).toBe(100);
  expect(refused.stderr).toMatch(/kinlog-v1\.json\/\.log could not be written.*\(KINLOG_OUTPUT_FAILED\)/);
});
