/** The archives that Splunk installs, as they are built: without a fault, the same whoever builds them, and what the sources say. */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownPackage } from '../../splunk-app/package-platforms.ts';
import { APP_ID, renderAll } from '../../splunk-app/render.ts';
import { tar, untar } from '../../packaging/tar.ts';
import { buildApp, packageInto, type SplunkApp } from './driver.ts';
import { packageFaults } from './package-faults.ts';

const { version } = JSON.parse(readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  version: string;
};
let app: SplunkApp;
let archive: Buffer;
beforeAll(() => {
  app = buildApp();
  archive = gunzipSync(readFileSync(app.archive));
}, 60_000);
afterAll(() => app.dispose());

const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

describe('the archive', () => {
  it('is without a fault', () => {
    expect(packageFaults(untar(archive), { name: ownPackage()!, version })).toEqual([]);
  });

  it('says not who made it, and when', () => {
    // Each header by the places that ustar gives its fields: two owners and their names, then the time.
    const text = (at: number, length: number) =>
      archive
        .toString('latin1', at, at + length)
        .replaceAll('\0', ' ')
        .trim();
    let members = 0;
    for (let at = 0; archive[at] !== 0; members++) {
      expect([text(at + 108, 16), text(at + 265, 64), text(at + 136, 12)]).toEqual([
        '0000000 0000000',
        '',
        '00000000000',
      ]);
      at += 512 + Math.ceil(parseInt(text(at + 124, 12), 8) / 512) * 512;
    }
    expect(members).toBeGreaterThan(30);
    // Of the compression: no name, no time, no system.
    expect(readFileSync(app.archive).toString('hex', 0, 10)).toMatch(/^1f8b0800000000000.ff$/);
  });

  it('is the same, byte for byte, when it is built again by a user of other habits', () => {
    const again = app.scratch();
    const habits = [process.umask(0o077), process.env['TZ']] as const;
    process.env['TZ'] = 'Pacific/Kiritimati';
    try {
      packageInto(again, ownPackage()!);
    } finally {
      process.umask(habits[0]);
      if (habits[1] === undefined) delete process.env['TZ'];
      else process.env['TZ'] = habits[1];
    }
    expect(digest(path.join(again, `kinloader-${ownPackage()}.tar.gz`))).toBe(digest(app.archive));
  }, 60_000);

  it('comes with its inventory, and with checksums of all that lies beside it', () => {
    const folder = app.scratch();
    packageInto(folder, 'slim');
    const names = ['kinloader-slim.cdx.json', 'kinloader-slim.tar.gz'];
    const sums = names.map((name) => `${digest(path.join(folder, name))}  ${name}\n`).join('');
    expect(readFileSync(path.join(folder, 'SHA256SUMS'), 'utf8')).toBe(sums);
    const inside = untar(gunzipSync(readFileSync(path.join(folder, names[1]!))));
    const inventory = inside.find((member) => member.path === `${APP_ID}/sbom.cdx.json`)!;
    expect(readFileSync(path.join(folder, names[0]!)).equals(inventory.bytes)).toBe(true);
  });

  it('of no such platform is refused in one line, with the names that there are', () => {
    const folder = app.scratch();
    expect(() => packageInto(folder, 'solaris')).toThrow(
      /\npackage: no such package: solaris; there are: linux-x86_64, .*slim, all\n$/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses a name that its headers can not hold', () => {
    const file = (name: string) => tar([{ path: name, bytes: new Uint8Array(), executable: false }]);
    expect(() => file('x'.repeat(101))).toThrow(RangeError);
    expect(() => file('größe')).toThrow(RangeError);
  });

  it('is read to its end or not at all', () => {
    const whole = tar([{ path: 'a', bytes: Buffer.from('text'), executable: false }]);
    expect(untar(whole).map(({ path: name, bytes }) => [name, Buffer.from(bytes).toString()])).toEqual([['a', 'text']]);
    expect(() => untar(whole.subarray(0, 514))).toThrow(RangeError);
  });
});

describe('the packaged files', () => {
  it('are what the option table says', () => {
    for (const [file, content] of renderAll(version)) {
      const packaged = file === 'scheme.xml' ? `bin/${file}` : file;
      expect(readFileSync(path.join(app.folder, packaged), 'utf8')).toBe(content);
    }
  });

  it('carry the runtime that the tests run on', () => {
    const node = path.join(path.dirname(app.launcher), 'node');
    expect(execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()).toBe(process.version);
  });

  it('name every library that the program loads, and none of the build', () => {
    const text = readFileSync(path.join(app.folder, 'LICENSE-libraries.txt'), 'utf8');
    for (const library of ['@aws-sdk/client-kinesis', 'classic-level', 'leveldb', 'snappy', 'zod', 'fast-xml-parser'])
      expect(text).toMatch(new RegExp(`^${library} [0-9.]+ \\([A-Z]`, 'm'));
    expect(text).not.toMatch(/^(esbuild|vitest|typescript) /m);
  });
});
