/** The inventory of a package in CycloneDX 1.6 (JSON): the same content gives the same bytes, so it names neither a time nor a serial number. */
import { createHash } from 'node:crypto';
import type { Library } from './libraries.ts';
import type { Runtime } from './runtime.ts';
import type { ArchiveFile } from './tar.ts';

export interface Inventory {
  readonly app: { readonly name: string; readonly version: string };
  readonly libraries: readonly Library[];
  readonly runtimes: readonly (Runtime & { readonly name: string })[];
  /** Of the system that the programs run on, where it comes with them. */
  readonly system?: readonly SystemPackage[];
  /** What is no text in the package. */
  readonly binaries: readonly ArchiveFile[];
}

export interface SystemPackage {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  /** Of the package as its distribution publishes it, hexadecimal. */
  readonly sha256: string;
}

export function renderSbom({ app, libraries, runtimes, system = [], binaries }: Inventory): string {
  const purl = `pkg:generic/${app.name}@${app.version}`;
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', 'bom-ref': purl, ...app, licenses: licence('Apache-2.0'), purl } },
    components: [
      ...libraries.map(library),
      ...runtimes.map(runtime),
      ...system.map(systemPackage),
      ...binaries.map(binary),
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function library({ name, version, licence: text, purl, sha512 }: Library): object {
  const hashes = sha512 === undefined ? {} : { hashes: [{ alg: 'SHA-512', content: sha512 }] };
  return { type: 'library', 'bom-ref': purl, name, version, licenses: licence(text), purl, ...hashes };
}

/** Scanners know Node by its CPE; the package on npm is where these bytes come from. */
function runtime({ name, version, integrity }: Inventory['runtimes'][number]): object {
  const purl = `pkg:npm/${name}@${version}`;
  const content = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
  return {
    type: 'platform',
    'bom-ref': purl,
    name: 'node',
    version,
    licenses: licence('MIT'),
    cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    purl,
    hashes: [{ alg: 'SHA-512', content }],
  };
}

/** Its licences are many, and lie beside it as the distribution wrote them. */
function systemPackage({ name, version, purl, sha256 }: SystemPackage): object {
  const hashes = [{ alg: 'SHA-256', content: sha256 }];
  return { type: 'library', 'bom-ref': purl, name, version, purl, hashes };
}

function binary({ path: name, bytes }: ArchiveFile): object {
  const content = createHash('sha256').update(bytes).digest('hex');
  return { type: 'file', 'bom-ref': `file:${name}`, name, hashes: [{ alg: 'SHA-256', content }] };
}

function licence(text: string): object[] {
  return [/ /.test(text) ? { expression: text } : { license: { id: text } }];
}
