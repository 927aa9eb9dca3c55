/** The image as a folder of this host, for whoever runs its programs without a container runtime. */
import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ArchiveFile } from '../../packaging/tar.ts';
import { ownArchitecture } from './architecture.ts';
import { layers } from './contents.ts';
import { NODE } from './paths.ts';
import { programs } from './programs.ts';
import { system } from './system.ts';

const CACHE = path.join(import.meta.dirname, '../../.cache/image');

/** A root file system for this host's processor, kept by its content; never written to. Throws where there is no apt and nothing in the cache. */
export async function unpackedImage(cache = CACHE): Promise<string> {
  const own = ownArchitecture();
  const files = layers(own, system(own), await programs()).flatMap((layer) => layer.files);
  const target = path.join(cache, digestOf(files));
  if (existsSync(target)) return target;
  mkdirSync(cache, { recursive: true });
  // Two at once do no harm: the later one throws its own away.
  const draft = mkdtempSync(path.join(cache, 'draft-'));
  try {
    write(
      draft,
      files.filter(({ path: name }) => name !== NODE),
    );
    linkSync(
      sharedNode(
        cache,
        files.find(({ path: name }) => name === NODE)!,
      ),
      path.join(draft, NODE),
    );
    if (!existsSync(target)) renameSync(draft, target);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return target;
}

/** Once for all folders: it is large, and seldom another one. */
function sharedNode(cache: string, node: ArchiveFile): string {
  const file = path.join(cache, `node-${digestOf([node])}`);
  if (!existsSync(file)) {
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, node.bytes, { mode: 0o755 });
    renameSync(draft, file);
  }
  return file;
}

function digestOf(files: readonly ArchiveFile[]): string {
  const digest = createHash('sha256');
  for (const { path: name, bytes } of files) digest.update(name).update('\0').update(bytes);
  return digest.digest('hex').slice(0, 16);
}

/** Below a folder, as an unpacked archive lies there. */
export function write(folder: string, files: readonly ArchiveFile[]): void {
  for (const { path: name, bytes, executable } of files) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes, { mode: executable ? 0o755 : 0o644 });
  }
}
