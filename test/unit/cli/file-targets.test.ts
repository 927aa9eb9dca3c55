/** Names of files that come out of a log stay harmless. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { expandPath, FileTargets } from '../../../cli/file-targets.ts';

it.each([
  ['out/%source%/%source%-%host%.log', { source: 'web', host: 'h1' }, 'out/web/web-h1.log'],
  ['%index%.%sourcetype%', { index: 'main' }, 'main.'],
  ['out/%source%.log', { source: '/var/log/../x' }, 'out/_var_log_.._x.log'],
  ['out/%source%/x', { source: '..' }, 'out/__/x'],
  ['out/%source%/x', {}, 'out/_/x'],
  ['out/.%host%/x', { host: '.' }, 'out/__/x'],
  ['../%host%', { host: 'C:\\a\u0000b' }, '../C__a_b'],
  ['%unknown%/%host%', { host: '%source%' }, '%unknown%/%source%'],
])('%s with %j is %s', (template, meta, expected) => {
  expect(expandPath(template, meta)).toBe(expected);
});

it('no value of an event leads out of the folder, adds one, or makes a name that file systems refuse', () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('..', '.', '/', '../..', 'a/../../b', '\u0000'),
  );
  fc.assert(
    fc.property(nasty, nasty, fc.integer({ min: 0, max: 90 }), (source, host, times) => {
      const meta = { source: source.repeat(times), host };
      for (const template of ['%source%', '.%host%', '%host%%source%', '%source%.%host%']) {
        const name = expandPath(template, meta);
        expect(path.dirname(path.join('/base', name))).toBe('/base');
        expect(name).not.toMatch(/^\.{0,2}$/);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
      }
    }),
  );
});

it('names that are too long stay different', () => {
  const long = 'x'.repeat(400);
  expect(expandPath('%source%', { source: `${long}1` })).not.toBe(expandPath('%source%', { source: `${long}2` }));
});

it('appends, makes folders, and has no more files open than allowed', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kinlog-files-'));
  const open = () => readdirSync('/proc/self/fd').length;
  const before = process.platform === 'linux' ? open() : 0;
  const files = new FileTargets(3);
  for (let round = 0; round < 2; round++)
    for (let n = 0; n < 20; n++)
      await files.append(path.join(folder, `d${n % 5}`, `${n}.log`), Buffer.from(`${round}\n`));
  if (process.platform === 'linux') expect(open() - before).toBeLessThanOrEqual(3 + 2);
  await files.close();
  for (let n = 0; n < 20; n++) expect(readFileSync(path.join(folder, `d${n % 5}`, `${n}.log`), 'utf8')).toBe('0\n1\n');
  await expect(files.append(folder, Buffer.from('x'))).rejects.toMatchObject({ code: 'KINLOG_OUTPUT_FAILED' });
  rmSync(folder, { recursive: true });
});
