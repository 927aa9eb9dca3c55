/** `kinlog checkpoints` as a process on Splunk's KV store, over TLS with a certificate like Splunk's. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportLines } from '../../reader/checkpoint/export.ts';
import type { StoredRow } from '../../reader/checkpoint/store.ts';
import { FakeSplunkd } from '../fakes/splunkd/splunkd.ts';
import { run } from './cli-process.ts';

const CA = path.join(import.meta.dirname, '../fakes/splunkd/certificates/ca.pem');
const SESSION = { KINLOG_SPLUNK_SESSION_KEY: 'session-key-of-the-input' };

const splunkd = new FakeSplunkd();
let url: string;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'kinlog-kv-'));
  splunkd.kv.declare('kinloader', 'kinlog_rows');
  ({ url } = await splunkd.open());
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await splunkd.close();
});

const at = (...more: string[]) => [
  ...['--stream-name=logs', `--store=kv-store:${url}/kinloader`, `--store-ca-file=${CA}`],
  ...more,
];

const rows: StoredRow[] = ['a', 'b'].map((name) => ({
  ...{ shardId: `shardId-${name}`, version: 1, parents: [], streamCreatedMs: 0, arrivalMs: 0 },
  position: { kind: 'after', sequenceNumber: '495', subSequence: 0, partial: false },
}));

it(
  'positions are imported, listed, exported and reset with a session key or a token',
  { timeout: 60_000 },
  async () => {
    const file = path.join(folder, 'rows.jsonl');
    writeFileSync(file, [...exportLines({ id: 'logs', createdMs: 0 }, rows)].join(''));
    const imported = await run('main', ['checkpoints', 'import', ...at('--file', file)], { env: SESSION });
    expect(imported).toMatchObject({ status: 0, stdout: '' });
    const token = path.join(folder, 'token');
    writeFileSync(token, 'token-of-a-user\n');
    const listed = await run('main', ['checkpoints', 'list', ...at('--store-token-file', token)]);
    expect(listed).toMatchObject({ status: 0, stderr: '' });
    expect(listed.stdout).toMatch(/\nshardId-a +free .* after 495:0\nshardId-b +free /);
    const exported = await run('main', ['checkpoints', 'export', ...at()], { env: SESSION });
    expect(exported.stdout.split('\n')).toHaveLength(4);
    expect(await run('main', ['checkpoints', 'reset', ...at('--yes')], { env: SESSION })).toMatchObject({ status: 0 });
    const empty = await run('main', ['checkpoints', 'list', ...at()], { env: SESSION });
    expect(empty.stderr).toMatch(/holds no positions of the stream logs/);
  },
);

it('what is missing or refused is named, and no secret is shown', { timeout: 60_000 }, async () => {
  const without = await run('main', ['checkpoints', 'list', ...at()]);
  expect(without.stderr).toMatch(/neither a token nor a session key.*KINLOG_SPLUNK_REFUSED\)\. Name a file/);
  const wrong = await run('main', ['checkpoints', 'list', ...at()], { env: { KINLOG_SPLUNK_SESSION_KEY: 'hunter2' } });
  expect(wrong.status).toBe(100);
  expect(wrong.stderr).toMatch(/KINLOG_SPLUNK_REFUSED/);
  expect(wrong.stderr).not.toContain('hunter2');
  const other = at().map((flag) => flag.replace('/kinloader', '/search'));
  const missing = await run('main', ['checkpoints', 'list', ...other], { env: SESSION });
  expect(missing.stderr).toMatch(/KINLOG_KV_COLLECTION_MISSING/);
  const blank = path.join(folder, 'blank');
  writeFileSync(blank, '\n');
  const noToken = await run('main', ['checkpoints', 'list', ...at('--store-token-file', blank)]);
  expect(noToken.stderr).toContain(`the file ${blank} does not hold one Splunk token`);
});
