/** What is wrong with a package: pure, from the members of its archive to sentences. Covers what Splunk and its AppInspect refuse, and what they pass over in silence. */
import { PACKAGES, type Package, type PackageName } from '../../splunk-app/package-platforms.ts';
import type { ArchiveMember } from '../../packaging/tar.ts';
import { codeFaults } from './package-faults-code.ts';
import { confFaults } from './package-faults-conf.ts';
import { executableFaults } from './package-faults-executables.ts';
import { uiFaults } from './package-faults-ui.ts';

export const APP = 'kinloader';

export interface Expected {
  readonly name: PackageName;
  readonly version: string;
}

/** The files of a package by their path below the app's folder. */
export class PackageContent {
  readonly files: ReadonlyMap<string, ArchiveMember>;
  readonly package: Package;
  readonly version: string;

  constructor(members: readonly ArchiveMember[], { name, version }: Expected) {
    const files = members.filter(({ type }) => type === '0');
    this.files = new Map(files.map((member) => [member.path.slice(APP.length + 1), member]));
    this.package = PACKAGES[name];
    this.version = version;
  }

  get paths(): string[] {
    return [...this.files.keys()];
  }

  /** Empty when there is no such file; that it is missing is told by `missingFaults`. */
  text(path: string): string {
    return Buffer.from(this.files.get(path)?.bytes ?? []).toString('utf8');
  }

  below(folder: string): string[] {
    return this.paths.filter((path) => path.startsWith(`${folder}/`));
  }
}

/** One sentence a fault, none for a good package. */
export function packageFaults(members: readonly ArchiveMember[], expected: Expected): string[] {
  const content = new PackageContent(members, expected);
  return [
    ...memberFaults(members),
    ...nameFaults(content),
    ...missingFaults(content),
    ...executableFaults(content),
    ...confFaults(content),
    ...uiFaults(content),
    ...codeFaults(content),
  ];
}

function memberFaults(members: readonly ArchiveMember[]): string[] {
  const paths = members.map(({ path }) => path);
  const folders = new Set(paths.filter((path) => path.endsWith('/')));
  return [
    ...members.flatMap(oneMemberFaults),
    ...paths.filter((path, at) => paths.indexOf(path) !== at).map((path) => `${path} is there twice`),
    ...paths.filter((path, at) => at > 0 && path < paths[at - 1]!).map((path) => `${path} is out of order`),
    ...paths.filter((path) => !isTop(path) && !folders.has(parent(path))).map((path) => `${path} has no folder entry`),
    ...[...folders]
      .filter((folder) => !paths.some((path) => path !== folder && path.startsWith(folder)))
      .map((folder) => `${folder} is empty`),
  ];
}

const isTop = (path: string) => path === `${APP}/`;
const parent = (path: string) => path.slice(0, path.replace(/\/$/, '').lastIndexOf('/') + 1);

function oneMemberFaults({ path, mode, type }: ArchiveMember): string[] {
  const faults: string[] = [];
  if (!new RegExp(`^${APP}/([A-Za-z0-9_][\\w.+-]*/)*([A-Za-z0-9_][\\w.+-]*)?$`).test(path))
    faults.push(`${path} is not a plain name inside ${APP}/`);
  if (type !== (path.endsWith('/') ? '5' : '0')) faults.push(`${path} is neither a file nor a folder (type ${type})`);
  // Which files have the execute bit is the business of the executables.
  if (mode !== 0o755 && (type === '5' || mode !== 0o644)) faults.push(`${path} has mode ${mode.toString(8)}`);
  return faults;
}

/** Splunk knows these places; everything else was packed by mistake. */
const PLACES = [
  /^(README\.md|LICENSE(-node|-libraries)?\.txt|app\.manifest|sbom\.cdx\.json)$/,
  /^README\/inputs\.conf\.spec$/,
  /^default\/[a-z_]+\.conf$/,
  /^default\/data\/ui\/(nav\/default|views\/\w+|manager\/\w+|alerts\/\w+)\.xml$/,
  /^metadata\/default\.meta$/,
  /^static\/app(Icon|IconAlt|Logo)(_2x)?\.png$/,
  /^appserver\/static\/[\w.-]+\.(js|css|png|svg)$/,
  /^lookups\/\w+\.csv$/,
  /^bin\/(kinesis_log\.(sh|cmd)|kinlog_doctor\.sh|[a-z-]+\.cjs|scheme\.xml)$/,
  /^bin\/prebuilds\/[\w+-]+\/[\w.-]+\.node$/,
  /^\w+\/bin\/(kinesis_log\.(sh|cmd)|node|node\.exe)$/,
];
/** Within those places, what Splunk or its vetting refuses. */
const REFUSED = /^default\/(passwords|audit|health|messages|telemetry|deploymentclient|indexes)\.conf$/;

function nameFaults({ paths }: PackageContent): string[] {
  return paths
    .filter((path) => !PLACES.some((place) => place.test(path)) || REFUSED.test(path))
    .map((path) => `${path} does not belong into the package`);
}

const REQUIRED = [
  'README.md',
  'LICENSE.txt',
  'LICENSE-libraries.txt',
  'app.manifest',
  'sbom.cdx.json',
  'README/inputs.conf.spec',
  'default/app.conf',
  'default/inputs.conf',
  'default/props.conf',
  'default/collections.conf',
  'metadata/default.meta',
  'bin/scheme.xml',
  'bin/kinloader.cjs',
  'bin/input.cjs',
  'bin/doctor.cjs',
  'bin/undici.cjs',
  'bin/client-dynamodb.cjs',
];

function missingFaults(content: PackageContent): string[] {
  const { platforms, addons } = content.package;
  const required = [
    ...REQUIRED,
    platforms.length === 0 ? 'bin/slim.cjs' : 'LICENSE-node.txt',
    ...addons.map((addon) => `bin/prebuilds/${addon}`),
  ];
  return required
    .filter((path) => (content.files.get(path)?.bytes.length ?? 0) === 0)
    .map((path) => `${path} is missing or empty`);
}
