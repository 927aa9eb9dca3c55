/** What a directory holds before LevelDB touches it: nothing, a creation that was cut short, a position database, or something that must not be opened. */
import { access, constants, open, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { KinlogError } from '../../base/errors.ts';
import { makeFolder } from '../../base/folder.ts';

/**
 * LevelDB opens a directory whose CURRENT is missing as a new, empty database, which here would mean to begin anew. So a creation is announced by a marker
 * file, and only under the marker may LevelDB create anything:
 *
 *     empty ─ marker, fsync ─▶ LevelDB creates ─▶ sentinel, sync ─▶ marker away, fsync ─▶ rows
 *     │        └────────────── killed here: "unfinished", gone on with ─────────┘          │
 *     └─ killed here: still empty                       killed here: "existing", sentinel ─┘
 *
 * No row is written as long as the marker stands.
 */
type DirectoryState = 'new' | 'unfinished' | 'existing';

const MARKER = 'CREATING';
/** File systems put it into the root of a volume. */
const IGNORED = 'lost+found';
/** What LevelDB has written before it writes CURRENT (google/leveldb, db/db_impl.cc, DBImpl::NewDB). */
const BEFORE_CURRENT = /^(?:CREATING|LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.dbtmp)$/;

/** Decides the state; fails with KINLOG_CHECKPOINT_UNREADABLE when opening would hide or destroy something. Safe while another process creates the database. */
export async function inspectDirectory(directory: string): Promise<DirectoryState> {
  const names = await namesIn(directory);
  if (names === undefined || names.length === 0) return 'new';
  // In this order: a creation under way writes the marker first and CURRENT before it takes the marker away.
  const marked = await exists(join(directory, MARKER));
  const current = await currentIsSound(directory);
  for (const name of names) await permitted(join(directory, name), constants.R_OK | constants.W_OK);
  if (current) return marked ? 'unfinished' : 'existing';
  const foreign = marked ? names.find((name) => !BEFORE_CURRENT.test(name)) : names[0];
  if (foreign === undefined) return 'unfinished';
  throw new KinlogError(
    'KINLOG_CHECKPOINT_UNREADABLE',
    `${directory} is not empty (${JSON.stringify(foreign)}) and holds no complete position database: CURRENT is missing`,
  );
}

/** Makes the directory if need be and announces the creation, durably. */
export async function announceCreation(directory: string): Promise<void> {
  try {
    await makeFolder(directory);
    await permitted(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    const marker = await open(join(directory, MARKER), 'a');
    await marker.sync();
    await marker.close();
    await syncDirectory(directory);
  } catch (error) {
    throw fileError(error, directory);
  }
}

/** From now on the database must be there. Durable when it settles, and so is every file LevelDB has created so far. */
export async function concludeCreation(directory: string): Promise<void> {
  try {
    await unlink(join(directory, MARKER));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw fileError(error, directory);
  }
  try {
    await syncDirectory(directory);
  } catch (error) {
    throw fileError(error, directory);
  }
}

async function namesIn(directory: string): Promise<string[] | undefined> {
  try {
    const names = await readdir(directory);
    await permitted(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return names.filter((name) => name !== IGNORED);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw fileError(error, directory);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw fileError(error, path);
  }
}

/** False when there is no CURRENT; one that names no manifest fails here, because LevelDB's own answer does not tell it from a full disk. */
async function currentIsSound(directory: string): Promise<boolean> {
  for (let tries = 0; ; tries++) {
    const manifest = await readCurrent(directory);
    if (manifest === undefined) return false;
    if (/^MANIFEST-\d+\n$/.test(manifest) && (await exists(join(directory, manifest.trim())))) return true;
    // The process that owns the database may have moved on to its next manifest in between.
    if (tries >= 3)
      throw new KinlogError('KINLOG_CHECKPOINT_UNREADABLE', `CURRENT in ${directory} does not name a manifest`);
  }
}

async function readCurrent(directory: string): Promise<string | undefined> {
  try {
    return await readFile(join(directory, 'CURRENT'), 'latin1');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw fileError(error, directory);
  }
}

async function permitted(path: string, mode: number): Promise<void> {
  try {
    await access(path, mode);
  } catch (error) {
    // Files of a database in use come and go.
    if (codeOf(error) !== 'ENOENT') throw fileError(error, path);
  }
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows neither needs nor allows it.
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const PASSING = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE', 'EAGAIN', 'EFBIG']);

/** What the file system said about `path`, as an error of the position store. */
export function fileError(error: unknown, path: string): KinlogError {
  if (error instanceof KinlogError) return error;
  const code = codeOf(error) ?? String(error);
  if (PASSING.has(code))
    return new KinlogError('KINLOG_CHECKPOINT_UNAVAILABLE', `the position database at ${path}: ${code}`, {
      cause: error,
    });
  return new KinlogError('KINLOG_CHECKPOINT_UNREADABLE', `${path} can not be used for positions: ${code}`, {
    cause: error,
    remedy: 'Name a directory that this process may read and write, and give it the files in there.',
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
