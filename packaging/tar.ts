/** Writes a reproducible ustar archive (the same entries give the same bytes, on any machine and for any user) and reads any of them. */

export interface ArchiveFile {
  /** Relative, with slashes. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly executable: boolean;
}

const BLOCK = 512;
const MODE = { folder: 0o755, executable: 0o755, plain: 0o644 } as const;

/** Sorted, with an entry for every folder, owner 0, time 0, no links. Throws RangeError for a path that ustar can not hold. */
export function tar(files: readonly ArchiveFile[]): Uint8Array {
  const folders = new Set(files.flatMap(({ path }) => parents(path)));
  const entries = [
    ...[...folders].map((path) => ({ path: `${path}/`, bytes: new Uint8Array(), mode: MODE.folder, type: '5' })),
    ...files.map(({ path, bytes, executable }) => {
      return { path, bytes, mode: executable ? MODE.executable : MODE.plain, type: '0' };
    }),
  ].sort((a, b) => (a.path < b.path ? -1 : 1));
  const blocks = entries.flatMap((entry) => [header(entry), entry.bytes, padding(entry.bytes.length)]);
  return Buffer.concat([...blocks, new Uint8Array(2 * BLOCK)]);
}

function parents(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function padding(size: number): Uint8Array {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

/** name 100, mode 8, uid 8, gid 8, size 12, mtime 12, checksum 8, type 1, link 100, magic and version 8, names 64, device 16, prefix 155 */
function header(entry: { path: string; bytes: Uint8Array; mode: number; type: string }): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  if (!/^[\x20-\x7e]{1,100}$/.test(entry.path))
    throw new RangeError(`"${entry.path}" does not fit into a ustar header`);
  const octal = (value: number, at: number, width: number) =>
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  block.write(entry.path, 0, 'latin1');
  octal(entry.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(entry.bytes.length, 124, 12);
  octal(0, 136, 12);
  block.write(' '.repeat(8), 148, 'latin1');
  block.write(entry.type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  octal(0, 329, 8);
  octal(0, 337, 8);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

export interface ArchiveMember {
  /** As the header says it: a folder ends in a slash. */
  readonly path: string;
  readonly mode: number;
  /** `0` file, `5` folder, `1` and `2` links, `x` and `g` extended headers, which are not interpreted. */
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** Every header with what belongs to it, in order. Throws RangeError where the archive ends early. */
export function untar(archive: Uint8Array): ArchiveMember[] {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const text = (at: number, length: number) => bytes.toString('latin1', at, at + length).replace(/\0.*$/s, '');
  const members: ArchiveMember[] = [];
  for (let at = 0; at < bytes.length && bytes[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    const end = at + BLOCK + size;
    if (!(end <= bytes.length)) throw new RangeError('the archive ends within a member');
    const prefix = text(at + 345, 155);
    members.push({
      path: prefix === '' ? text(at, 100) : `${prefix}/${text(at, 100)}`,
      mode: parseInt(text(at + 100, 8), 8),
      type: text(at + 156, 1),
      bytes: bytes.subarray(at + BLOCK, end),
    });
    at = end + padding(size).length;
  }
  return members;
}
