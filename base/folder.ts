/** Makes folders. */
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** With those above it; one that is there already is as good. Not `recursive` of fs.mkdir: where a file system answers ENOENT although the folder above is there,
 *  as automounts and /proc do, that tries again for ever, in silence and with a whole core. Rejects as fs.mkdir does. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeOne(folder);
  } catch (error) {
    const above = path.dirname(folder);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || above === folder) throw error;
    await makeFolder(above);
    await makeOne(folder);
  }
}

async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    // What the system says of a folder that is there differs: EEXIST, EISDIR, EROFS, EPERM.
    const found = await stat(folder).catch(() => undefined);
    if (found?.isDirectory() !== true) throw error;
  }
}
