/** Positions on the disk of this host: which store they are in, whether splunkd can write them, and whether the disk has room. */
import { readdir, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isKinlogError } from '../../base/errors.ts';
import { inspectDirectory } from '../../reader/checkpoint/leveldb-files.ts';
import { positionDirectory } from '../input/positions.ts';
import { placeOf, placeText, rememberedPlace } from '../input/store-place.ts';
import { isOn } from './check-inputs.ts';
import { ageOf } from './age.ts';
import { fault, ok, skipped, warning, type Finding } from './finding.ts';
import type { DiskSpace, Host, Input } from './host.ts';
import { lockHolder, processesIn, splunkdPid, userOf } from './processes.ts';

/** `minFreeSpace` of server.conf.spec: below it splunkd stops indexing. */
const SPLUNK_STOPS_MB = 5000;
const MB = 1 << 20;
const LEAST_BYTES = 64 * MB;
const LEAST_INODES = 1000;

export async function checkPositions(host: Host): Promise<Finding[]> {
  const user = await splunkUser(host);
  const inputs = host.inputs.filter((input) => isOn(input) && input.options !== undefined);
  const found = await Promise.all(inputs.map((input) => inputFindings(input, host, user)));
  return [...(await diskFindings(host)), ...found.flat()];
}

/** Whoever splunkd runs as; while it does not, the owner of its folder. */
async function splunkUser({ proc, home }: Host): Promise<number | undefined> {
  const pid = proc === undefined ? undefined : await splunkdPid(home, await processesIn(proc));
  if (proc !== undefined && pid !== undefined) return userOf(proc, pid);
  return stat(path.join(home, 'var')).then(
    ({ uid }) => uid,
    () => undefined,
  );
}

async function diskFindings({ checkpointDir, home, spaceOf = diskSpace }: Host): Promise<Finding[]> {
  const { freeBytes, freeInodes = Infinity } = await spaceOf(checkpointDir).catch(() => spaceOf(home));
  const text = `${Math.floor(freeBytes / MB)} MB are free where positions are stored`;
  const remedy = 'Make room on that disk: without it inputs can not go on.';
  if (freeBytes < LEAST_BYTES) return [fault(text, remedy)];
  if (freeInodes < LEAST_INODES) return [fault(`${freeInodes} inodes are left where positions are stored`, remedy)];
  if (freeBytes < SPLUNK_STOPS_MB * MB)
    return [
      warning(`${text}; below ${SPLUNK_STOPS_MB} MB splunkd stops indexing (minFreeSpace)`, 'Make room on that disk.'),
    ];
  return [ok(text)];
}

async function diskSpace(folder: string): Promise<DiskSpace> {
  const { bavail, bsize, files, ffree } = await statfs(folder);
  return { freeBytes: bavail * bsize, freeInodes: files > 0 ? ffree : undefined };
}

async function inputFindings(input: Input, host: Host, user: number | undefined): Promise<Finding[]> {
  const directory = positionDirectory(host.checkpointDir, input.name);
  try {
    return [
      ...(await placeFindings(input, `${directory}.store`)),
      ...(await directoryFindings(input, { directory, host, user })),
    ];
  } catch (error) {
    if (!isKinlogError(error)) throw error;
    const ours = /\b(EACCES|EPERM)\b/.test(error.message) && process.getuid?.() !== user && process.getuid?.() !== 0;
    if (ours)
      return [
        skipped(`${input.name}: this user may not read its positions; run this as root or as the user of splunkd`),
      ];
    return [fault(`${input.name}: ${error.message}`, error.remedy)];
  }
}

async function placeFindings({ name, options }: Input, file: string): Promise<Finding[]> {
  const place = placeOf(options!);
  const before = await rememberedPlace(file);
  if (before === undefined) return [];
  if (isDeepStrictEqual(before, place)) return [ok(`${name} keeps positions in ${placeText(place)}`)];
  return [
    warning(
      `${name} has its positions in ${placeText(before)}, and is to keep them in ${placeText(place)}`,
      'They move along at its next start; when they stay, splunkd.log says what keeps them.',
    ),
  ];
}

interface Place {
  readonly directory: string;
  readonly host: Host;
  readonly user: number | undefined;
}

async function directoryFindings(input: Input, { directory, host, user }: Place): Promise<Finding[]> {
  if (input.options?.checkpointStore !== 'local') return [];
  const { name } = input;
  const state = await inspectDirectory(directory);
  if (state === 'new') return [ok(`${name} has no positions yet`)];
  const files = await filesIn(directory);
  const foreign = user === undefined || user === 0 ? [] : files.filter((file) => !isOpenTo(file, user));
  if (foreign.length > 0)
    return [
      fault(
        `${name}: splunkd runs as user ${user}, and ${foreign[0]!.file} belongs to user ${foreign[0]!.uid}`,
        `Give it back: chown -R ${user} ${JSON.stringify(host.checkpointDir)}. Never start Splunk as root once.`,
      ),
    ];
  const changed = files.reduce((latest, { mtimeMs }) => Math.max(latest, mtimeMs), 0);
  const holder = host.proc === undefined ? undefined : await lockHolder(host.proc, path.join(directory, 'LOCK'));
  const held = holder === undefined ? 'open in no process' : `open in process ${holder}`;
  const words = state === 'unfinished' ? 'a database that is being made' : 'a sound database';
  return [ok(`${name}: ${words}, last change ${ageOf(host.now() - changed)} ago, ${held}`)];
}

interface FoundFile {
  readonly file: string;
  readonly uid: number;
  readonly mode: number;
  readonly mtimeMs: number;
}

async function filesIn(directory: string): Promise<FoundFile[]> {
  const names = (await readdir(directory)).map((name) => path.join(directory, name));
  const found = await Promise.all(
    [directory, ...names].map((file) =>
      stat(file).then(
        ({ uid, mode, mtimeMs }) => ({ file, uid, mode, mtimeMs }),
        // A database in use replaces its files.
        () => undefined,
      ),
    ),
  );
  return found.filter((one) => one !== undefined);
}

/** What everybody may write passes, and what the group may, which the user may be of. */
export const isOpenTo = ({ uid, mode }: Pick<FoundFile, 'uid' | 'mode'>, user: number): boolean =>
  uid === user || (mode & 0o022) !== 0;
