/** The programs of the image as a folder of this host, for whoever starts them without a container. */
import { createHash } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { lockedRuntime } from '../../packaging/runtime.ts';
import type { ArchiveFile } from '../../packaging/tar.ts';
import { ownArchitecture } from './architecture.ts';
import { platformFiles } from './contents.ts';
import { NODE } from './paths.ts';
import { programs } from './programs.ts';

const root = path.join(import.meta.dirname, '../..');
const CACHE = path.join(root, '.cache/image');

/**
 * A folder that holds usr/local/bin/{node,kinlog,kinlog-operator} and what they load, on the C libraries of the host; kept by its content.
 * The start scripts name a Node that is not here: run `FOLDER/usr/local/bin/node FOLDER/usr/local/bin/kinlog …`.
 */
export async function unpackedPrograms(cache = CACHE): Promise<string> {
  const { files } = await programs();
  const own = ownArchitecture();
  const { integrity } = lockedRuntime(own.runtime);
  const key = createHash('sha256').update(integrity);
  for (const { path: name, bytes } of files) key.update(name).update(bytes);
  const target = path.join(cache, key.digest('hex').slice(0, 16));
  if (existsSync(target)) return target;
  mkdirSync(cache, { recursive: true });
  // Two at once do no harm: the later one throws its own away.
  const draft = mkdtempSync(path.join(cache, 'draft-'));
  try {
    const [node, ...others] = platformFiles(own);
    write(draft, [...files, ...others]);
    linkSync(sharedNode(cache, integrity, node!.bytes), path.join(draft, NODE));
    if (!existsSync(target)) renameSync(draft, target);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return target;
}

/** Once for all folders: it is large, and seldom another one. */
function sharedNode(cache: string, integrity: string, bytes: Uint8Array): string {
  const file = path.join(cache, `node-${createHash('sha256').update(integrity).digest('hex').slice(0, 16)}`);
  if (!existsSync(file)) {
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, bytes, { mode: 0o755 });
    renameSync(draft, file);
  }
  return file;
}

/** Below a folder, as an unpacked archive lies there. */
export function write(folder: string, files: readonly ArchiveFile[]): void {
  for (const { path: name, bytes, executable } of files) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes, { mode: executable ? 0o755 : 0o644 });
  }
}
