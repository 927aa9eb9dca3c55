/** Folders are made, or it is said why not. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFolder } from '../../../base/folder.ts';

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), 'kinlog-folder-'));
});
afterEach(() => rm(scratch, { recursive: true }));

it('makes a folder with those above it, however often and by however many', async () => {
  const folder = path.join(scratch, 'a/b/c');
  await Promise.all([makeFolder(folder), makeFolder(folder), makeFolder(path.join(scratch, 'a/d'))]);
  await makeFolder(folder);
  expect((await readdir(scratch, { recursive: true })).sort()).toEqual(['a', 'a/b', 'a/b/c', 'a/d']);
});

it('does not take a file for a folder', async () => {
  await writeFile(path.join(scratch, 'a'), '');
  await expect(makeFolder(path.join(scratch, 'a'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolder(path.join(scratch, 'a/b'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

it.runIf(process.platform === 'linux')(
  'gives up where a file system makes none and says that there is none',
  async () => {
    await expect(makeFolder('/proc/kinlog/a')).rejects.toMatchObject({ code: 'ENOENT' });
  },
);
