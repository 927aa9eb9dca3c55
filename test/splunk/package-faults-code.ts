/** Faults of what the files say: text that is broken, code that vetting refuses, and an inventory that does not fit. */
import { createHash } from 'node:crypto';
import type { PackageContent } from './package-faults.ts';

const TEXT = /\.(conf|meta|spec|xml|md|txt|manifest|json|sh|cmd|cjs|js|css|csv|svg)$/;
const PROGRAM = /\.(cjs|js)$/;

/** Pattern → why it must not be there. */
const REFUSED_CODE: readonly (readonly [RegExp, string])[] = [
  [/rejectUnauthorized:\s*(!1|false)\b/, 'turns the check of certificates off'],
  [/\b(AKIA|ASIA)(?![A-Z0-9]*EXAMPLE)[A-Z0-9]{16}\b/, 'holds what looks like an AWS key'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/]{40}/, 'holds a private key'],
  // AppInspect refuses the words wherever they are.
  [/\brm -rf\b/, 'holds the words "rm -rf"'],
  [/sourceMappingURL=/, 'points at a source map'],
];

export function codeFaults(content: PackageContent): string[] {
  return [
    ...content.paths.filter((path) => TEXT.test(path)).flatMap((path) => textFaults(path, content.text(path))),
    ...content.paths
      .filter((path) => PROGRAM.test(path))
      .flatMap((path) =>
        REFUSED_CODE.filter(([pattern]) => pattern.test(content.text(path))).map(([, why]) => `${path} ${why}`),
      ),
    ...loadFaults(content),
    ...licenceFaults(content),
    ...inventoryFaults(content),
  ];
}

function textFaults(path: string, text: string): string[] {
  const faults: string[] = [];
  if (text.startsWith('\ufeff')) faults.push(`${path} begins with a byte order mark`);
  if (text.includes('\ufffd')) faults.push(`${path} is not UTF-8`);
  if (/^(<{7} |={7}$|>{7} )/m.test(text) && !path.startsWith('LICENSE')) faults.push(`${path} holds a conflict marker`);
  // Licences are other people's texts, and cmd.exe wants CRLF.
  if (!/^LICENSE|\.cmd$/.test(path) && text.includes('\r')) faults.push(`${path} has carriage returns`);
  return faults;
}

/** The program lies in several files, each of which loads others by their names. */
function loadFaults(content: PackageContent): string[] {
  const present = content.below('bin').filter((path) => path.endsWith('.cjs'));
  const loaded = present.flatMap((path) =>
    [...content.text(path).matchAll(/\/([a-z-]+\.cjs)"/g)].map(([, name]) => ({ path, wanted: `bin/${name}` })),
  );
  // What the launchers start.
  const entries = ['bin/kinloader.cjs', 'bin/slim.cjs', 'bin/doctor.cjs'];
  return [
    ...loaded
      .filter(({ wanted }) => !present.includes(wanted))
      .map(({ path, wanted }) => `${path} loads ${wanted}, which is missing`),
    ...present
      .filter((path) => !entries.includes(path) && !loaded.some(({ wanted }) => wanted === path))
      .map((path) => `${path} is loaded by nothing`),
  ];
}

function licenceFaults(content: PackageContent): string[] {
  const sections = content.text('LICENSE-libraries.txt').split(`\n${'-'.repeat(80)}\n\n`);
  return sections
    .filter((section) => !/^\S+ \d[\w.+-]* \([\w().+ -]+\)\n\n[^]{100}/.test(section) || section.includes('undefined'))
    .map((section) => `LICENSE-libraries.txt has no licence for "${section.split('\n')[0]}"`);
}

interface Component {
  readonly type: string;
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
  readonly licenses?: readonly unknown[];
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

/** The inventory names each library that has a licence here, and each native file with its checksum; nothing else. */
function inventoryFaults(content: PackageContent): string[] {
  const components = parseInventory(content.text('sbom.cdx.json'));
  if (components === undefined) return ['sbom.cdx.json is no CycloneDX 1.6 document in JSON'];
  const listed = components.flatMap(({ type, name, version }) => (type === 'library' ? [`${name} ${version}`] : []));
  const licensed = [...content.text('LICENSE-libraries.txt').matchAll(/(?:^|-{80}\n\n)(\S+ \S+) \(/g)].map(
    ([, name]) => name!,
  );
  const natives = content.paths.filter((path) => /\/(node|node\.exe|[\w.-]+\.node)$/.test(path));
  const checksums = new Map(components.map(({ name, hashes }) => [name, hashes?.[0]?.content]));
  const sha256 = (path: string) => createHash('sha256').update(content.files.get(path)!.bytes).digest('hex');
  return [
    ...licensed.filter((name) => !listed.includes(name)).map((name) => `sbom.cdx.json does not list ${name}`),
    ...listed
      .filter((name) => !licensed.includes(name))
      .map((name) => `sbom.cdx.json lists ${name}, which is not here`),
    ...natives
      .filter((path) => checksums.get(path) !== sha256(path))
      .map((path) => `sbom.cdx.json has not the checksum of ${path}`),
    ...components
      .filter((component) => !isComplete(component))
      .map(({ name }) => `sbom.cdx.json says too little about ${name}`),
  ];
}

function parseInventory(text: string): Component[] | undefined {
  try {
    const { bomFormat, specVersion, components } = JSON.parse(text) as {
      bomFormat?: string;
      specVersion?: string;
      components?: Component[];
    };
    return bomFormat === 'CycloneDX' && specVersion === '1.6' ? components : undefined;
  } catch {
    return undefined;
  }
}

function isComplete({ type, version, purl = '', licenses = [], hashes = [] }: Component): boolean {
  // What is compiled into an addon has no package of its own.
  const hashed = hashes.length > 0 || purl.startsWith('pkg:github/');
  if (!hashed || !hashes.every(({ content }) => /^([0-9a-f]{64}|[0-9a-f]{128})$/.test(content))) return false;
  return type === 'file' || (version !== undefined && /^pkg:(npm|github)\/.+@.+/.test(purl) && licenses.length > 0);
}
