/** Builds the app as Splunk installs it, for the platform it runs on: `package.ts [FILE]`, dist/kinloader.tar.gz by default. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { APP_ID } from './render.ts';
import { SCHEME } from './input/options.ts';
import { tar, type ArchiveFile } from './tar.ts';

const here = import.meta.dirname;
const root = path.join(here, '..');
/** Copied as they are; below splunk-app/. */
const COPIED = ['README.md', 'app.manifest', 'README', 'default', 'metadata'];

/** Where splunkd looks for executables. It knows no folder for ARM, so there the common one holds what this package has. */
const BIN_FOLDERS: Readonly<Record<string, string>> = {
  'linux-x64': 'linux_x86_64/bin',
  'darwin-x64': 'darwin_x86_64/bin',
  'linux-arm64': 'bin',
  'darwin-arm64': 'bin',
};
const ADDON_FOLDERS: Readonly<Record<string, string>> = {
  'darwin-x64': 'darwin-x64+arm64',
  'darwin-arm64': 'darwin-x64+arm64',
};

const platform = `${process.platform}-${process.arch}`;
const target = process.argv[2] ?? path.join(root, 'dist', `${APP_ID}.tar.gz`);
const files = await appFiles();
mkdirSync(path.dirname(target), { recursive: true });
writeFileSync(target, gzipSync(tar(files.map((file) => ({ ...file, path: `${APP_ID}/${file.path}` })))));
const megabytes = (statSync(target).size / 1_000_000).toFixed(1);
process.stderr.write(
  `${path.relative(process.cwd(), target)}: ${files.length} files, ${megabytes} MB, for ${platform}\n`,
);

async function appFiles(): Promise<ArchiveFile[]> {
  const bin = BIN_FOLDERS[platform];
  if (bin === undefined) throw new Error(`the Splunk app can not be packaged for ${platform}`);
  const bundles = await Promise.all([bundle('entry.ts', 'kinloader.cjs'), bundle('main.ts', 'input.cjs')]);
  return [
    ...COPIED.flatMap((name) => copied(path.join(here, name), name)),
    plain('LICENSE.txt', path.join(root, 'LICENSE')),
    plain('LICENSE-node.txt', nodeLicence()),
    plain(`${bin}/scheme.xml`, path.join(here, 'scheme.xml')),
    { ...plain(`${bin}/${SCHEME}.sh`, path.join(here, `bin/${SCHEME}.sh`)), executable: true },
    { ...plain(`${bin}/node`, runtime()), executable: true },
    ...bundles.map(({ name, bytes }) => ({ path: `${bin}/${name}`, bytes, executable: false })),
    { path: 'LICENSE-libraries.txt', bytes: licences(bundles.flatMap(({ inputs }) => inputs)), executable: false },
    ...addons(`${bin}/prebuilds`),
  ];
}

interface Bundle {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Paths of the modules in it, from the root of the repository. */
  readonly inputs: readonly string[];
}

/** Names are kept, so that a stack trace from the field can be read. */
async function bundle(entry: string, name: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    entryPoints: [path.join(here, 'input', entry)],
    bundle: true,
    write: false,
    metafile: true,
    absWorkingDir: root,
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    // One character beyond Latin-1, and V8 holds the whole source in two bytes a character: 1.3 MB more resident memory.
    charset: 'ascii',
    logLevel: 'warning',
  });
  return { name, bytes: outputFiles[0]!.contents, inputs: Object.keys(metafile.inputs) };
}

/** Name, version and licence text of every library that went into the bundles; their licences ask for it. */
function licences(inputs: readonly string[]): Uint8Array {
  const folders = new Set(inputs.flatMap((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []));
  const sections = [...folders].map((folder) => {
    const about = path.join(root, folder, 'package.json');
    const { name, version, license } = JSON.parse(readFileSync(about, 'utf8')) as Record<string, string>;
    const file = readdirSync(path.dirname(about)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file === undefined ? '' : readFileSync(path.join(root, folder, file), 'utf8').trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  return Buffer.from(sections.sort().join(`\n${'-'.repeat(80)}\n\n`));
}

/** The pinned Node, and no other: what runs in the field is what the tests ran on. */
function runtime(): string {
  const { optionalDependencies } = JSON.parse(readFileSync(path.join(root, 'toolchain/package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>;
  };
  if (!Object.values(optionalDependencies).includes(process.version.slice(1)))
    throw new Error(`this is Node ${process.version}, not the pinned one: toolchain/node splunk-app/package.ts`);
  return process.execPath;
}

function nodeLicence(): string {
  return path.join(path.dirname(process.execPath), '../LICENSE');
}

/** LevelDB for this platform, in the folder where its loader looks beside the bundle. */
function addons(below: string): ArchiveFile[] {
  const folder = ADDON_FOLDERS[platform] ?? platform;
  return copied(path.join(root, 'node_modules/classic-level/prebuilds', folder), `${below}/${folder}`);
}

function copied(source: string, as: string): ArchiveFile[] {
  if (!statSync(source).isDirectory()) return [plain(as, source)];
  return readdirSync(source).flatMap((name) => copied(path.join(source, name), `${as}/${name}`));
}

function plain(as: string, source: string): ArchiveFile {
  return { path: as, bytes: readFileSync(source), executable: false };
}
