/** What is in a package: the app's own files as they are, the program once for all platforms, and for each platform a runtime with its launcher. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { SCHEME } from './input/options.ts';
import { libraries, licences } from '../packaging/libraries.ts';
import { ownPackage, PACKAGES, type PackageName, type Platform } from './package-platforms.ts';
import { pinnedRuntime, type Runtime } from '../packaging/runtime.ts';
import { APP_ID } from './render.ts';
import { setupScript } from './setup-script.ts';
import { renderSbom } from '../packaging/sbom.ts';
import type { ArchiveFile } from '../packaging/tar.ts';

const here = import.meta.dirname;
const root = path.join(here, '..');
/** Copied as far as they are there; below splunk-app/. */
const COPIED = [
  'README.md',
  'app.manifest',
  'README',
  'default',
  'metadata',
  'static',
  'appserver',
  'lookups',
] as const;

export const SBOM = 'sbom.cdx.json';

/** The program and the files that are in every package, below the app's folder. */
export interface Program {
  readonly files: readonly ArchiveFile[];
  readonly inputs: readonly string[];
  readonly app: { readonly name: string; readonly version: string };
  /** `engines` of package.json, major and minor. */
  readonly neededNode: readonly number[];
}

export async function program(): Promise<Program> {
  const { version, engines } = json('package.json') as { version: string; engines: { node: string } };
  const neededNode = engines.node.replace('>=', '').split('.').map(Number);
  const bundles = await Promise.all([
    bundle('input/entry.ts', 'kinloader.cjs'),
    bundle('input/main.ts', 'input.cjs', { plugins: [apart] }),
    bundle('../cli/kinlog-doctor.ts', 'doctor.cjs', { plugins: [apart] }),
    ...[...APART].map(([name, file]) => bundle(name, file)),
  ]);
  return {
    files: [
      ...COPIED.filter((name) => existsSync(path.join(here, name))).flatMap((name) =>
        copied(path.join(here, name), name),
      ),
      plain('LICENSE.txt', path.join(root, 'LICENSE')),
      plain('bin/scheme.xml', path.join(here, 'scheme.xml')),
      { path: 'appserver/static/setup.js', bytes: Buffer.from(setupScript()), executable: false },
      ...bundles.map(({ file }) => file),
    ],
    inputs: bundles.flatMap(({ inputs }) => inputs),
    app: { name: APP_ID, version },
    neededNode,
  };
}

/** Every file of one package, below the app's folder. */
export async function packageFiles(
  name: PackageName,
  { files, inputs, app, neededNode }: Program,
  runtimeOf: (npmName: string) => Runtime = pinnedRuntime,
): Promise<ArchiveFile[]> {
  const { platforms, addons } = PACKAGES[name];
  const parts = platforms.map((platform) => ({ platform, runtime: runtimeOf(platform.runtime) }));
  const runtimes = parts.map(({ platform, runtime }) => binary(platform, runtime));
  const addonFiles = addons.map((addon) =>
    plain(`bin/prebuilds/${addon}`, path.join(root, 'node_modules/classic-level/prebuilds', addon)),
  );
  const all = libraries(inputs);
  const sbom = renderSbom({
    app,
    libraries: all,
    runtimes: parts.map(({ platform, runtime }) => ({ ...runtime, name: platform.runtime })),
    binaries: [...runtimes, ...addonFiles],
  });
  const words = { PACKAGE: name, NODE: neededNode.join('.') };
  return [
    ...files,
    script('dispatch.sh', `bin/${SCHEME}.sh`, words),
    script('dispatch.cmd', `bin/${SCHEME}.cmd`, words),
    script('doctor.sh', 'bin/kinlog_doctor.sh', words),
    ...platforms.map(({ folder, system }) =>
      system === 'windows'
        ? script('launch.cmd', `${folder}/bin/${SCHEME}.cmd`)
        : script('launch.sh', `${folder}/bin/${SCHEME}.sh`),
    ),
    ...runtimes,
    ...addonFiles,
    ...(name === 'slim' ? [await slimEntry(neededNode)] : [plain('LICENSE-node.txt', nodeLicence())]),
    { path: 'LICENSE-libraries.txt', bytes: licences(all), executable: false },
    { path: SBOM, bytes: Buffer.from(sbom), executable: false },
  ];
}

function binary({ folder, system }: Platform, { file, binary: bytes }: Runtime): ArchiveFile {
  return { path: `${folder}/bin/${file}`, bytes, executable: system === 'unix' };
}

/** cmd.exe wants CRLF, and no file for Windows has an execute bit. */
function script(source: string, as: string, words: Readonly<Record<string, string>> = {}): ArchiveFile {
  const windows = source.endsWith('.cmd');
  const text = readFileSync(path.join(here, 'bin', source), 'utf8').replaceAll(
    /@([A-Z]+)@/g,
    (_, word: string) => words[word]!,
  );
  return { path: as, bytes: Buffer.from(windows ? text.replaceAll('\n', '\r\n') : text), executable: !windows };
}

interface Bundle {
  readonly file: ArchiveFile;
  /** Paths of the modules in it, from the root of the repository. */
  readonly inputs: readonly string[];
}

/** Libraries that only some inputs need. V8 keeps the source of a file that is loaded and something about each of its functions: in one file with the rest they
 *  would make every idle input 3 MiB larger. */
const APART: ReadonlyMap<string, string> = new Map([
  ['undici', 'undici.cjs'],
  ['@aws-sdk/client-dynamodb', 'client-dynamodb.cjs'],
]);

const apart: Plugin = {
  name: 'apart',
  setup(bundler) {
    bundler.onResolve({ filter: /^[^.]/ }, ({ path: name }) => {
      const file = APART.get(name);
      return file === undefined ? undefined : { path: `./${file}`, external: true };
    });
  },
};

/** Names are kept, so that a stack trace from the field can be read. */
async function bundle(entry: string, name: string, options: BuildOptions = {}): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    entryPoints: [APART.has(entry) ? entry : path.join(here, entry)],
    bundle: true,
    write: false,
    metafile: true,
    absWorkingDir: root,
    platform: 'node',
    target: 'node22',
    format: 'cjs',
    // A library is found beside its caller, and with all its names, by require only.
    supported: { 'dynamic-import': false },
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    // One character beyond Latin-1, and V8 holds the whole source in two bytes a character: 1.3 MB more resident memory.
    charset: 'ascii',
    logLevel: 'warning',
    ...options,
  });
  const file = { path: `bin/${name}`, bytes: outputFiles![0]!.contents, executable: false };
  return { file, inputs: Object.keys(metafile!.inputs) };
}

async function slimEntry(neededNode: readonly number[]): Promise<ArchiveFile> {
  const define = { NEEDED_NODE: JSON.stringify(neededNode) };
  const { file } = await bundle('slim.ts', 'slim.cjs', { target: 'node6', define });
  return file;
}

/** The packages of all runtimes are of one version; not each has the text. */
function nodeLicence(): string {
  const own = ownPackage();
  const runtime = own && PACKAGES[own].platforms[0]?.runtime;
  if (runtime === undefined)
    throw new Error(`the Splunk app can not be packaged on ${process.platform}-${process.arch}`);
  return path.join(root, 'toolchain/node_modules', runtime, 'LICENSE');
}

function copied(source: string, as: string): ArchiveFile[] {
  if (!statSync(source).isDirectory()) return [plain(as, source)];
  return readdirSync(source).flatMap((name) => copied(path.join(source, name), `${as}/${name}`));
}

function plain(as: string, source: string): ArchiveFile {
  return { path: as, bytes: readFileSync(source), executable: false };
}

function json(file: string): unknown {
  return JSON.parse(readFileSync(path.join(root, file), 'utf8'));
}
