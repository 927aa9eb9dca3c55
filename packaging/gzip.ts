/** gzip whose bytes depend on the contents and on the version of Node only. */
import { gzipSync } from 'node:zlib';

const SYSTEM_AT = 9;
const UNKNOWN_SYSTEM = 255;

/** The header says neither when nor on which system it was made. */
export function compressed(bytes: Uint8Array): Uint8Array {
  const archive = gzipSync(bytes);
  archive[SYSTEM_AT] = UNKNOWN_SYSTEM;
  return archive;
}
