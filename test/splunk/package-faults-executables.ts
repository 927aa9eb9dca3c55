/** Faults of what splunkd starts: launchers, runtimes, native code, and the bits that let them run. */
import type { ArchiveMember } from '../../packaging/tar.ts';
import type { PackageContent } from './package-faults.ts';

const SCHEME = 'kinesis_log';

export function executableFaults(content: PackageContent): string[] {
  const { platforms } = content.package;
  const unix = platforms.filter(({ system }) => system === 'unix').map(({ folder }) => `${folder}/bin`);
  const windows = platforms.filter(({ system }) => system === 'windows').map(({ folder }) => `${folder}/bin`);
  const executables = [
    `bin/${SCHEME}.sh`,
    'bin/kinlog_doctor.sh',
    ...unix.flatMap((folder) => [`${folder}/${SCHEME}.sh`, `${folder}/node`]),
  ];
  const others = [
    `bin/${SCHEME}.cmd`,
    ...windows.flatMap((folder) => [`${folder}/${SCHEME}.cmd`, `${folder}/node.exe`]),
  ];
  return [
    ...[...executables, ...others].filter((path) => !content.files.has(path)).map((path) => `${path} is missing`),
    ...content.paths.flatMap((path) => bitFaults(path, content.files.get(path)!, executables.includes(path))),
    ...content.paths.filter((path) => path.endsWith('.sh')).flatMap((path) => shellFaults(path, content.text(path))),
    ...content.paths.filter((path) => path.endsWith('.cmd')).flatMap((path) => commandFaults(path, content.text(path))),
    ...nativeFaults(content),
  ];
}

function bitFaults(path: string, { mode }: ArchiveMember, wanted: boolean): string[] {
  const has = (mode & 0o111) !== 0;
  if (has === wanted) return [];
  return [`${path} ${wanted ? 'lacks' : 'must not have'} the execute bit`];
}

function shellFaults(path: string, text: string): string[] {
  const faults: string[] = [];
  if (!text.startsWith('#!/bin/sh\n')) faults.push(`${path} does not begin with #!/bin/sh`);
  // With a carriage return the system looks for the interpreter "/bin/sh\r".
  if (text.includes('\r')) faults.push(`${path} has carriage returns`);
  if (!text.includes('unset LD_LIBRARY_PATH')) faults.push(`${path} keeps the library path of splunkd`);
  if (/@[A-Z]+@/.test(text)) faults.push(`${path} has a place that was not filled in`);
  return faults;
}

function commandFaults(path: string, text: string): string[] {
  const faults: string[] = [];
  if (/(^|[^\r])\n/.test(text) || /\r(?!\n)/.test(text)) faults.push(`${path} has lines that do not end in CRLF`);
  if (!/^[\r\n\x20-\x7e]*$/.test(text)) faults.push(`${path} is not ASCII`);
  if (/@[A-Z]+@/.test(text)) faults.push(`${path} has a place that was not filled in`);
  return faults;
}

/** What each folder must hold, by the first bytes of the file. */
const KINDS: Readonly<Record<string, string>> = {
  linux_x86_64: 'ELF x86-64',
  linux_arm64: 'ELF arm64',
  darwin_x86_64: 'Mach-O x86-64',
  darwin_arm64: 'Mach-O arm64',
  windows_x86_64: 'PE x86-64',
  'linux-x64': 'ELF x86-64',
  'linux-arm64': 'ELF arm64',
  'darwin-x64+arm64': 'Mach-O universal',
  'win32-x64': 'PE x86-64',
};

function nativeFaults(content: PackageContent): string[] {
  const declared = declarations(content.text('README.md'));
  return content.paths.flatMap((path) => {
    const kind = nativeKind(Buffer.from(content.files.get(path)!.bytes));
    const folder = path.startsWith('bin/prebuilds/') ? path.split('/')[2]! : path.split('/')[0]!;
    const should = /\/(node|node\.exe|[\w.-]+\.node)$/.test(path) ? KINDS[folder] : undefined;
    const faults: string[] = [];
    if (kind !== should) faults.push(`${path} is ${kind ?? 'no program'}, not ${should ?? 'text'}`);
    if (kind !== undefined && !declared.some((pattern) => pattern.test(path)))
      faults.push(`${path} is not in the Binary File Declaration of README.md`);
    return faults;
  });
}

/** File patterns in the table below the heading. */
function declarations(readme: string): RegExp[] {
  const section = readme.split(/^#+ Binary File Declaration$/m)[1]?.split(/^#/m)[0] ?? '';
  const rows = section.split('\n').flatMap((line) => /^\|([^|]*`[^|]*)\|/.exec(line)?.[1] ?? []);
  const patterns = rows.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, pattern]) => pattern!));
  return patterns.map((pattern) => new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]+')}$`));
}

/** From the headers that elf(5), Mach-O's loader.h and the PE format describe; undefined for what no system would run. */
export function nativeKind(bytes: Buffer): string | undefined {
  if (bytes.length < 64) return undefined;
  const magic = bytes.readUInt32BE(0);
  const machines = (names: Readonly<Record<number, string>>, machine: number) => names[machine] ?? 'other';
  if (magic === 0x7f454c46) return `ELF ${machines({ 62: 'x86-64', 183: 'arm64' }, bytes.readUInt16LE(18))}`;
  if (magic === 0xcffaedfe)
    return `Mach-O ${machines({ 0x01000007: 'x86-64', 0x0100000c: 'arm64' }, bytes.readUInt32LE(4))}`;
  if (magic === 0xcafebabe) return 'Mach-O universal';
  if (bytes.toString('latin1', 0, 2) !== 'MZ') return undefined;
  const header = bytes.readUInt32LE(60);
  const machine = header + 6 <= bytes.length ? bytes.readUInt16LE(header + 4) : 0;
  return `PE ${machines({ 0x8664: 'x86-64', 0xaa64: 'arm64' }, machine)}`;
}
