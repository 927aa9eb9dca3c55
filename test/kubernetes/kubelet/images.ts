/** Names of images, and what lies behind them: a root file system on this machine and how its program is started. */
import { existsSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { unpackedImage } from '../../../operator/image/unpacked.ts';

export interface Image {
  /** Folders that together are its root file system, the uppermost first; never written to. */
  readonly layers: readonly string[];
  /** What of this machine is seen in it, read-only for a user that is not root. */
  readonly binds: readonly Bind[];
  readonly entrypoint: readonly string[];
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly user: number;
  readonly workingDir?: string;
}

interface Bind {
  readonly source: string;
  readonly target: string;
}

const CHECKOUT = path.join(import.meta.dirname, '../../..');
const USER = 65532;

/** A root with nothing in it but this machine's C library and the runtime of the checkout as `node`; made in `folder`. */
export function bareImage(folder: string): Image {
  const root = mkdtempSync(path.join(folder, 'image-'));
  for (const place of ['proc', 'dev', 'tmp', 'etc']) mkdirSync(path.join(root, place));
  writeFileSync(path.join(root, 'etc/passwd'), `kinlog:x:${USER}:${USER}::/:/sbin/nologin\n`);
  const libraries = ['/usr/lib', '/usr/lib64'].filter((library) => existsSync(library));
  for (const library of libraries) symlinkSync(library.slice(1), path.join(root, path.basename(library)));
  return {
    layers: [root],
    binds: [
      ...libraries.map((library) => ({ source: library, target: library })),
      { source: process.execPath, target: '/usr/local/bin/node' },
    ],
    entrypoint: ['node'],
    env: { PATH: '/usr/local/bin' },
    user: USER,
  };
}

/** What `make image` builds. Throws where it can not. */
export async function shippedImage(): Promise<Image> {
  const image = { binds: [], entrypoint: ['kinlog'], env: { PATH: '/usr/local/bin' }, user: USER };
  return { ...image, layers: [await unpackedImage()] };
}

/** The bare one with `kinlog` and `kinlog-operator` as the sources of this checkout. */
export function checkoutImage(folder: string): Image {
  const bare = bareImage(folder);
  const programs = path.join(bare.layers[0]!, 'usr/local/bin');
  mkdirSync(programs, { recursive: true });
  for (const [name, main] of Object.entries({ kinlog: 'cli/main.ts', 'kinlog-operator': 'operator/main.ts' }))
    writeFileSync(path.join(programs, name), `#!/usr/local/bin/node\nimport('/opt/kinlog/${main}');\n`, {
      mode: 0o755,
    });
  return { ...bare, binds: [...bare.binds, { source: CHECKOUT, target: '/opt/kinlog' }], entrypoint: ['kinlog'] };
}
