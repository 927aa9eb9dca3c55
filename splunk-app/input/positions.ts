/** Where a stanza keeps its positions: splunkd gives all stanzas of a scheme one directory, and a LevelDB belongs to one process. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { KinlogError } from '../../base/errors.ts';

const LONGEST = 150;

/** One directory per stanza name, whatever the name holds; it never leaves `checkpointDir`. */
export function positionDirectory(checkpointDir: string, stanza: string): string {
  if (!path.isAbsolute(checkpointDir))
    throw new KinlogError('KINLOG_INPUT_INVALID', 'the configuration on stdin names no absolute checkpoint_dir');
  return path.join(checkpointDir, nameOnDisk(stanza));
}

/** What files of a stanza are called, whatever its name holds. `stanza`: with its scheme, such as `kinesis_log://prod`. */
export function nameOnDisk(stanza: string): string {
  const name = stanza.slice(stanza.indexOf('://') + (stanza.includes('://') ? 3 : 1));
  const encoded = encodeURIComponent(name.toWellFormed()).replaceAll(
    /[.!~*'()]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  if (encoded.length <= LONGEST) return encoded;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return `${encoded.slice(0, LONGEST)}-${digest}`;
}
