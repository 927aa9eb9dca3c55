/** What Node needs of a system: the C libraries of Debian and a user, and no shell. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { SystemPackage } from '../../packaging/sbom.ts';
import { untar, type ArchiveFile } from '../../packaging/tar.ts';
import type { Architecture } from './architecture.ts';
import { USER } from './paths.ts';

const CACHE = path.join(import.meta.dirname, '../../.cache/debian');
const APT_MS = 300_000;

/** What is taken of each package besides its licences; the rest is for people at a shell. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  'base-files': /^usr\/lib\/os-release$/,
  libc6: /\/(ld-linux-[^/]+\.so\.\d|lib(c|m|dl|rt|pthread|resolv|nss_dns|nss_files)\.so\.\d)$/,
  'libgcc-s1': /\/libgcc_s\.so\.\d$/,
  'libstdc++6': /\/libstdc\+\+\.so\.\d\.[\d.]+$/,
};

export interface System {
  readonly files: readonly ArchiveFile[];
  readonly packages: readonly SystemPackage[];
  /** Such as Debian GNU/Linux 12 (bookworm). */
  readonly release: string;
}

/** Out of the cache or by way of apt, whose signatures say that it is Debian's. Throws where there is no apt. */
export function system(architecture: Architecture, cache = CACHE): System {
  const folder = path.join(cache, architecture.name);
  if (!existsSync(folder)) download(architecture, folder);
  const archives = readdirSync(folder).sort();
  const parts = archives.map((archive) => unpacked(path.join(folder, archive), architecture));
  const files = parts.flatMap((part) => part.files);
  const about = Buffer.from(files.find(({ path: name }) => name === OS_RELEASE)!.bytes).toString();
  return {
    files: [...files, ...configuration(about)],
    packages: parts.map((part) => part.about),
    release: /^PRETTY_NAME="(.*)"$/m.exec(about)![1]!,
  };
}

const OS_RELEASE = 'usr/lib/os-release';

/** apt's state is a folder of its own, so that the packages may be for another processor than the host's and the host stays as it is. */
function download({ name }: Architecture, folder: string): void {
  if (spawnSync('apt-get', ['--version']).error !== undefined)
    throw new Error(
      'the C libraries of the image come from Debian by apt-get, which is not here: use operator/image/Dockerfile',
    );
  mkdirSync(path.dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}-`);
  try {
    const state = path.join(work, 'state');
    const archives = path.join(work, 'archives');
    for (const part of [path.join(state, 'partial'), path.join(work, 'cache/archives/partial'), archives])
      mkdirSync(part, { recursive: true });
    const options = {
      'APT::Architecture': name,
      'APT::Architectures': name,
      'Dir::State::lists': state,
      'Dir::State::status': '/dev/null',
      'Dir::Cache': path.join(work, 'cache'),
      'APT::Sandbox::User': 'root',
    };
    const settings = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
    process.stderr.write(`fetching the C libraries for ${name} from Debian\n`);
    apt([...settings, 'update'], archives);
    apt([...settings, 'download', ...Object.keys(PACKAGES)], archives);
    renameSync(archives, folder);
  } finally {
    rmSync(work, { recursive: true });
  }
}

function apt(args: readonly string[], cwd: string): void {
  const { status, stderr } = spawnSync('apt-get', ['-qq', ...args], { cwd, encoding: 'utf8', timeout: APT_MS });
  if (status !== 0) throw new Error(`apt-get ${args.at(-1)!} failed: ${stderr.trim()}`);
}

function unpacked(archive: string, { name: processor, triplet, loader }: Architecture) {
  const control = dpkg(['--field', archive]).toString();
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(control)![1]!;
  const name = field('Package');
  const wanted = PACKAGES[name];
  if (wanted === undefined) throw new Error(`${archive} is no part of the image: remove it`);
  const members = untar(dpkg(['--fsys-tarfile', archive]))
    .filter(({ type }) => type === '0')
    .map((member) => ({ ...member, path: member.path.replace(/^\.\//, '') }));
  const taken = members
    .filter((member) => wanted.test(member.path))
    .map(({ path: from, bytes }) => ({
      path: placed(from, triplet, loader),
      bytes,
      executable: from.includes('/ld-linux'),
    }));
  const licence = members.find((member) => member.path === `usr/share/doc/${name}/copyright`);
  const version = field('Version');
  const about: SystemPackage = {
    name,
    version,
    purl: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${processor}`,
    sha256: createHash('sha256').update(readFileSync(archive)).digest('hex'),
  };
  return {
    about,
    files: [
      ...taken,
      // libgcc-s1 shares that of its source package, by a link.
      ...(licence === undefined ? [] : [{ path: licence.path, bytes: licence.bytes, executable: false }]),
      // Where scanners look for packages in an image without dpkg.
      { path: `var/lib/dpkg/status.d/${name}`, bytes: Buffer.from(control), executable: false },
    ],
  };
}

/** Under the names by which they are loaded: an archive of ours holds no links. */
function placed(from: string, triplet: string, loader: string): string {
  const name = path.basename(from);
  if (from === OS_RELEASE) return from;
  return name.startsWith('ld-linux') ? loader : `lib/${triplet}/${name.replace(/(\.so\.\d)\..*/, '$1')}`;
}

function dpkg(args: readonly string[]): Buffer {
  return execFileSync('dpkg-deb', args, { maxBuffer: 64 * 1024 * 1024 });
}

function configuration(release: string): ArchiveFile[] {
  const texts = {
    'etc/os-release': release,
    'etc/passwd': `root:x:0:0:root:/root:/sbin/nologin\nkinlog:x:${USER}:${USER}:kinlog:/:/sbin/nologin\n`,
    'etc/group': `root:x:0:\nkinlog:x:${USER}:\n`,
    // Without it the C library asks the network before it looks into /etc/hosts.
    'etc/nsswitch.conf': 'hosts: files dns\n',
  };
  return Object.entries(texts).map(([file, text]) => ({ path: file, bytes: Buffer.from(text), executable: false }));
}
