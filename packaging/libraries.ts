/** The libraries inside the bundles and the addon: what their licences ask to be told, and what an inventory (SBOM) needs. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');

export interface Library {
  readonly name: string;
  readonly version: string;
  /** SPDX identifier or expression. */
  readonly licence: string;
  readonly text: string;
  readonly purl: string;
  /** SHA-512 of the package on npm, hexadecimal; LevelDB and Snappy come inside another. */
  readonly sha512?: string;
}

/** Sorted by name and version; `inputs` are paths of bundled modules from the root of the repository. */
export function libraries(inputs: readonly string[]): Library[] {
  const folders = new Set(inputs.flatMap((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []));
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { integrity: string } | undefined>;
  };
  return [...[...folders].map((folder) => fromNpm(folder, packages[folder]!.integrity)), ...compiledIn()].sort(
    (a, b) => (a.purl < b.purl ? -1 : 1),
  );
}

/** One section a library, for LICENSE-libraries.txt. */
export function licences(all: readonly Library[]): Uint8Array {
  const sections = all.map(({ name, version, licence, text }) => `${name} ${version} (${licence})\n\n${text}\n`);
  return Buffer.from(sections.join(`\n${'-'.repeat(80)}\n\n`));
}

function fromNpm(folder: string, integrity: string): Library {
  const about = readFileSync(path.join(root, folder, 'package.json'), 'utf8');
  const {
    name,
    version,
    license,
    author = 'its authors',
  } = JSON.parse(about) as {
    name: string;
    version: string;
    license: string;
    author?: string | { readonly name: string };
  };
  const holder = typeof author === 'string' ? author : author.name;
  return {
    name,
    version,
    licence: license,
    text: licenceText(folder) ?? standardText(license, holder),
    purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
    sha512: Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex'),
  };
}

/** What the addon of classic-level is compiled from. */
function compiledIn(): Library[] {
  const deps = 'node_modules/classic-level/deps';
  const leveldb = readdirSync(path.join(root, deps, 'leveldb')).find((name) => name.startsWith('leveldb-'))!;
  const header = readFileSync(path.join(root, deps, 'snappy/linux/snappy-stubs-public.h'), 'utf8');
  const snappy = ['MAJOR', 'MINOR', 'PATCHLEVEL'].map((part) => new RegExp(`SNAPPY_${part} (\\d+)`).exec(header)![1]!);
  return [
    google('leveldb', leveldb.replace('leveldb-', ''), `${deps}/leveldb/${leveldb}`),
    google('snappy', snappy.join('.'), `${deps}/snappy/snappy`),
  ];
}

function google(name: string, version: string, folder: string): Library {
  const purl = `pkg:github/google/${name}@${version}`;
  return { name, version, licence: 'BSD-3-Clause', text: licenceText(folder)!, purl };
}

function licenceText(folder: string): string | undefined {
  const file = readdirSync(path.join(root, folder)).find((entry) => /^((un)?licen[cs]e|copying)/i.test(entry));
  return file === undefined ? undefined : readFileSync(path.join(root, folder, file), 'utf8').trim();
}

/** For packages that name their licence without its text. */
function standardText(licence: string, holder: string): string {
  const texts: Readonly<Record<string, string>> = { 'Apache-2.0': apache(), MIT };
  const text = texts[licence];
  if (text === undefined) throw new Error(`a library comes under ${licence}, whose text is not known here`);
  return `Copyright (c) ${holder}\n\n${text}`;
}

/** Our own licence. */
const apache = () => readFileSync(path.join(root, 'LICENSE'), 'utf8').trim();

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
