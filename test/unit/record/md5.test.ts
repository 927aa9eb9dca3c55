/** MD5 where OpenSSL refuses to compute it. */
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { aggregate } from '../../fakes/kpl-aggregate.ts';

/** In a process of its own: OpenSSL goes on with what it computed before it was told to refuse it. */
const IN_FIPS_MODE = `
  import { hash, setFips } from 'node:crypto';
  setFips(true);
  const refused = (() => { try { hash('md5', ''); return false; } catch { return true; } })();
  const { md5 } = await import('./record/md5.ts');
  const { deaggregate } = await import('./record/kpl.ts');
  const bytes = (text) => Buffer.from(text, 'base64');
  const { inputs, records } = JSON.parse(process.argv[1]);
  const digests = inputs.map((text) => md5(bytes(text)).toString('hex'));
  process.stdout.write(JSON.stringify({ refused, digests, users: records.map((text) => deaggregate(bytes(text))?.length ?? 0) }));
`;

function inFipsMode(inputs: readonly Uint8Array[], records: readonly Uint8Array[]): unknown {
  const texts = (list: readonly Uint8Array[]) => list.map((bytes) => Buffer.from(bytes).toString('base64'));
  const order = JSON.stringify({ inputs: texts(inputs), records: texts(records) });
  const cwd = path.join(import.meta.dirname, '../../..');
  const args = ['--input-type=module', '--eval', IN_FIPS_MODE, order];
  return JSON.parse(execFileSync(process.execPath, args, { cwd, encoding: 'utf8', timeout: 20_000 }));
}

it('in FIPS mode digests are the same, and aggregates are told from what only looks like one', () => {
  const inputs = [
    ...Array.from({ length: 200 }, (_, size) => new Uint8Array(size).fill(size)),
    ...fc.sample(fc.uint8Array({ maxLength: 300 }), 100),
  ];
  const whole = aggregate([
    { key: 'k', data: Buffer.from('one') },
    { key: 'k', data: Buffer.from('two') },
  ]);
  const damaged = Buffer.from(whole);
  damaged[10]! ^= 1;
  expect(inFipsMode(inputs, [whole, damaged])).toEqual({
    refused: true,
    digests: inputs.map((bytes) => hash('md5', bytes, 'hex')),
    users: [2, 0],
  });
});
