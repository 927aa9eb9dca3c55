/** The archive that Splunk installs: what is in it, what must not be, and that it is the same whoever builds it. */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { APP_ID, renderAll } from '../../splunk-app/render.ts';
import { tar } from '../../splunk-app/tar.ts';
import { buildApp, packageInto, type SplunkApp } from './driver.ts';

const { version } = JSON.parse(readFileSync(path.join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  version: string;
};
let app: SplunkApp;
/** Where splunkd finds the launcher, below the app's folder. */
let launcher: string;
beforeAll(() => {
  app = buildApp();
  launcher = path.relative(app.folder, app.launcher);
}, 60_000);
afterAll(() => app.dispose());

interface Member {
  readonly name: string;
  readonly mode: string;
  readonly owner: string;
  readonly time: number;
  readonly type: string;
}

/** Headers of a ustar archive, by position. */
function members(archive: string): Member[] {
  const bytes = gunzipSync(readFileSync(archive));
  const text = (at: number, length: number) => bytes.toString('latin1', at, at + length).replace(/\0.*$/s, '');
  const found: Member[] = [];
  for (let at = 0; bytes[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    found.push({
      name: text(at, 100),
      mode: text(at + 100, 8).slice(-3),
      owner: text(at + 108, 8) + text(at + 116, 8) + text(at + 265, 64),
      time: parseInt(text(at + 136, 12), 8),
      type: text(at + 156, 1),
    });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}

describe('the archive', () => {
  it('holds one folder named as the app, sorted, owned by nobody, without links and dot-files', () => {
    const all = members(app.archive);
    const names = all.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    expect(new Set(names).size).toBe(names.length);
    for (const { name, owner, time, type } of all) {
      expect(name).toMatch(/^kinloader\/([^./][^/]*\/)*([^./][^/]*)?$/);
      expect({ owner, time, type }).toEqual({ owner: '00000000000000', time: 0, type: name.endsWith('/') ? '5' : '0' });
    }
  });

  it('gives the execute bit to folders, the launcher and the runtime, and to nothing else', () => {
    const runtime = path.join(path.dirname(launcher), 'node');
    const executables = ['bin/kinesis_log.sh', launcher, runtime].map((file) => `${APP_ID}/${file}`);
    for (const { name, mode } of members(app.archive))
      expect([name, mode]).toEqual([name, name.endsWith('/') || executables.includes(name) ? '755' : '644']);
  });

  it('holds what Splunk, its vetting and its users need, and nothing of the build', () => {
    const names = members(app.archive).map(({ name }) => name.slice(APP_ID.length + 1));
    expect(names).toEqual(
      expect.arrayContaining([
        'app.manifest',
        'README.md',
        'LICENSE.txt',
        'LICENSE-node.txt',
        'LICENSE-libraries.txt',
        'README/inputs.conf.spec',
        'default/app.conf',
        'default/collections.conf',
        'default/inputs.conf',
        'default/props.conf',
        'metadata/default.meta',
        'sbom.cdx.json',
        launcher,
        'bin/kinesis_log.sh',
        'bin/kinloader.cjs',
        'bin/scheme.xml',
      ]),
    );
    expect(names.filter((name) => /\.(py|js|ts|map|h)$|local|passwords|node_modules/.test(name))).toEqual([]);
    expect(names.some((name) => /prebuilds\/.*classic-level.*\.node$/.test(name))).toBe(true);
  });

  it('is the same, byte for byte, when it is built again', () => {
    const again = app.scratch();
    packageInto(again);
    const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
    expect(digest(path.join(again, 'kinloader.tar.gz'))).toBe(digest(app.archive));
  }, 60_000);

  it('refuses a name that its headers can not hold', () => {
    const file = (name: string) => tar([{ path: name, bytes: new Uint8Array(), executable: false }]);
    expect(() => file('x'.repeat(101))).toThrow(RangeError);
    expect(() => file('größe')).toThrow(RangeError);
  });
});

describe('the configuration', () => {
  it('is what the option table says', () => {
    for (const [file, content] of renderAll(version)) {
      const packaged = file === 'scheme.xml' ? `bin/${file}` : file;
      expect(readFileSync(path.join(app.folder, packaged), 'utf8')).toBe(content);
    }
  });

  it('has one name and one version everywhere', () => {
    const conf = readFileSync(path.join(app.folder, 'default/app.conf'), 'utf8');
    expect(conf.match(/^version = .*$/gm)).toEqual([`version = ${version}`, `version = ${version}`]);
    expect(conf).toMatch(/^build = \d+$/m);
    const manifest = JSON.parse(readFileSync(path.join(app.folder, 'app.manifest'), 'utf8')) as {
      info: { id: { name: string; version: string } };
    };
    expect(manifest.info.id).toMatchObject({ name: APP_ID, version });
  });

  it('is plain: no carriage return, no byte order mark, nothing but stanzas and settings', () => {
    const confs = ['default', 'metadata'].flatMap((folder) =>
      readdirSync(path.join(app.folder, folder)).map((name) => path.join(app.folder, folder, name)),
    );
    for (const file of confs)
      for (const line of readFileSync(file, 'utf8').split('\n'))
        expect(line).toMatch(/^$|^\[[\w:]*\]$|^[\w.]+ = \S.*$/);
    expect(readFileSync(app.launcher, 'utf8')).not.toContain('\r');
  });

  it('describes every setting with a default, and no setting twice', () => {
    const settings = (file: string) =>
      readFileSync(path.join(app.folder, file), 'utf8')
        .split('\n')
        .flatMap((line) => /^(\w+) = /.exec(line)?.[1] ?? []);
    const described = settings('README/inputs.conf.spec');
    expect(new Set(described).size).toBe(described.length);
    const builtIn = ['start_by_shell', 'interval', 'sourcetype'];
    for (const name of settings('default/inputs.conf')) expect([...described, ...builtIn]).toContain(name);
  });
});

describe('the packaged program', () => {
  it('carries the runtime that the tests run on', () => {
    const node = path.join(path.dirname(app.launcher), 'node');
    expect(execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()).toBe(process.version);
    expect(statSync(node).size).toBe(statSync(process.execPath).size);
  });

  it('names every library in it with its licence', () => {
    const text = readFileSync(path.join(app.folder, 'LICENSE-libraries.txt'), 'utf8');
    for (const library of ['@aws-sdk/client-kinesis', 'classic-level', 'zod', 'fast-xml-parser'])
      expect(text).toMatch(new RegExp(`^${library} [0-9.]+ \\([A-Z]`, 'm'));
    expect(text).not.toMatch(/undefined|esbuild|vitest/);
  });

  it('does not hold what the vetting of Splunk refuses', () => {
    for (const name of ['kinloader.cjs', 'input.cjs'])
      expect(readFileSync(path.join(app.folder, 'bin', name), 'utf8')).not.toMatch(
        /rm -rf|rejectUnauthorized:\s*(!1|false)|AKIA(?![A-Z0-9]*EXAMPLE)[A-Z0-9]{16}/,
      );
  });
});
