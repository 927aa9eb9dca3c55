/** The programs of the image: `kinlog` and `kinlog-operator`, each a start script and modules that are loaded when they are needed. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { libraries, licences, type Library } from '../../packaging/libraries.ts';
import type { ArchiveFile } from '../../packaging/tar.ts';
import { NODE, PROGRAMS } from './paths.ts';

const root = path.join(import.meta.dirname, '../..');
const SOURCES = { kinlog: 'cli/main.ts', 'kinlog-operator': 'operator/main.ts' } as const;

/** What libraries written for CommonJS expect to find. */
const BANNER = [
  `import{createRequire as __createRequire}from'node:module';`,
  'const require=__createRequire(import.meta.url),__dirname=import.meta.dirname,__filename=import.meta.filename;',
].join('');

export interface Programs {
  readonly files: readonly ArchiveFile[];
  readonly libraries: readonly Library[];
  readonly version: string;
}

/** Without the runtime and LevelDB's addon, which are another one for each processor. */
export async function programs(): Promise<Programs> {
  const { version, license } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    version: string;
    license: string;
  };
  const about = { name: 'kinlog', version, license, type: 'module', exports: { './package.json': './package.json' } };
  const { modules, inputs } = await bundles();
  const all = libraries(inputs);
  return {
    files: [
      ...Object.keys(SOURCES).map(startScript),
      ...modules,
      text(`${PROGRAMS}/package.json`, `${JSON.stringify(about, null, 2)}\n`),
      text('usr/share/doc/kinlog/LICENSE', readFileSync(path.join(root, 'LICENSE'), 'utf8')),
      { path: 'usr/share/doc/kinlog/LICENSE-libraries.txt', bytes: licences(all), executable: false },
    ],
    libraries: all,
    version,
  };
}

/** No extension, so it is of the kind that the nearest package.json says: correct as either. Finds its modules beside itself, so that the programs also run from a folder that the image was unpacked to. */
function startScript(name: string): ArchiveFile {
  const script = `#!/${NODE}\nimport('../lib/kinlog/${name}.mjs');\n`;
  return { path: `usr/local/bin/${name}`, bytes: Buffer.from(script), executable: true };
}

async function bundles(): Promise<{ modules: ArchiveFile[]; inputs: string[] }> {
  const { outputFiles, metafile } = await build({
    entryPoints: SOURCES,
    bundle: true,
    write: false,
    metafile: true,
    absWorkingDir: root,
    outdir: '/',
    platform: 'node',
    target: 'node22',
    format: 'esm',
    splitting: true,
    outExtension: { '.js': '.mjs' },
    chunkNames: '[name]-[hash]',
    banner: { js: BANNER },
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    // One character beyond Latin-1, and V8 holds the whole source in two bytes a character.
    charset: 'ascii',
    logLevel: 'warning',
    plugins: [named, lean],
  });
  const modules = outputFiles.map(({ path: file, contents }) => {
    return { path: `${PROGRAMS}/${path.basename(file)}`, bytes: contents, executable: false };
  });
  // Of a large library most files are read, and nothing of them is taken.
  const taken = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0),
  );
  return { modules, inputs: taken.map(([name]) => name) };
}

/**
 * A library that is loaded late is loaded by way of a module that says the names which its caller takes: one of CommonJS would have none but `default`,
 * and of a large one the rest is left out.
 */
const named: Plugin = {
  name: 'named',
  setup(bundler) {
    bundler.onResolve({ filter: /^[^./]/ }, async ({ path: name, kind, importer }) => {
      if (kind !== 'dynamic-import' || name.startsWith('node:')) return undefined;
      const names = importer.includes('node_modules') ? await allNames(name) : takenNames(name, importer);
      return { path: name, namespace: 'named', suffix: `?${names.join()}`, pluginData: names };
    });
    bundler.onLoad({ filter: /.*/, namespace: 'named' }, ({ path: name, pluginData }) => {
      return { contents: `export { ${(pluginData as string[]).join(', ')} } from '${name}';`, resolveDir: root };
    });
  },
};

/** client-node holds a class for everything in Kubernetes and does not say that loading one does nothing: what is not taken is left out, some five sixths. */
const lean: Plugin = {
  name: 'lean',
  setup(bundler) {
    bundler.onResolve({ filter: /^\.\.?\// }, ({ path: name, importer, resolveDir }) =>
      importer.includes('/@kubernetes/client-node/dist/')
        ? { path: path.resolve(resolveDir, name), sideEffects: false }
        : undefined,
    );
  },
};

async function allNames(library: string): Promise<string[]> {
  const names = Object.keys((await import(library)) as object);
  return names.filter((name) => name !== 'default' && /^[\w$]+$/.test(name));
}

/** Ours are all of the form `const { A, B: b } = await import('library')`. */
function takenNames(library: string, importer: string): string[] {
  const imported = [...readFileSync(importer, 'utf8').matchAll(/\{([^{}]*)\} = await import\('([^']+)'\)/g)];
  const names = imported.filter(([, , from]) => from === library).flatMap(([, taken]) => taken!.split(','));
  if (names.length === 0)
    throw new Error(`${importer} imports ${library} in a way that the image can not tell names from`);
  return [...new Set(names.map((name) => name.replace(/:.*/, '').trim()).filter((name) => name !== ''))].sort();
}

function text(file: string, content: string): ArchiveFile {
  return { path: file, bytes: Buffer.from(content), executable: false };
}
