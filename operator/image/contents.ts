/** What an image holds, as layers from what changes seldom to what changes often. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pinnedRuntime, runtimeFiles } from '../../packaging/runtime.ts';
import { renderSbom } from '../../packaging/sbom.ts';
import type { ArchiveFile } from '../../packaging/tar.ts';
import type { Architecture } from './architecture.ts';
import { NODE, PROGRAMS, SBOM, USER } from './paths.ts';
import type { Programs } from './programs.ts';
import type { System } from './system.ts';

const root = path.join(import.meta.dirname, '../..');

/** Node, and what it needs to load LevelDB. */
export function platformFiles({ runtime, addon }: Architecture): ArchiveFile[] {
  const { binary } = pinnedRuntime(runtime);
  const prebuilt = readFileSync(path.join(root, 'node_modules/classic-level/prebuilds', addon));
  return [
    { path: NODE, bytes: binary, executable: true },
    { path: `${PROGRAMS}/prebuilds/${addon}`, bytes: prebuilt, executable: false },
  ];
}

export interface Layer {
  /** Said in the image's history. */
  readonly what: string;
  readonly files: readonly ArchiveFile[];
}

export function layers(architecture: Architecture, system: System, programs: Programs): Layer[] {
  const runtime = pinnedRuntime(architecture.runtime);
  const binaries = platformFiles(architecture);
  const sbom = renderSbom({
    app: { name: 'kinlog', version: programs.version },
    libraries: programs.libraries,
    runtimes: [{ ...runtime, name: architecture.runtime }],
    system: system.packages,
    binaries,
  });
  const licence = runtimeFiles(architecture.runtime)('LICENSE');
  return [
    { what: `C libraries of ${system.release}`, files: system.files },
    { what: `Node.js ${runtime.version}`, files: binaries },
    {
      what: `kinlog ${programs.version}`,
      files: [
        ...programs.files,
        { path: 'usr/share/doc/kinlog/LICENSE-node.txt', bytes: licence, executable: false },
        { path: SBOM, bytes: Buffer.from(sbom), executable: false },
      ],
    },
  ];
}

/** How the programs of an image are started. */
export interface Start {
  readonly entryPoint: readonly string[];
  readonly env: readonly string[];
  readonly user: string;
  readonly labels: Readonly<Record<string, string>>;
}

export const start = (version: string): Start => ({
  entryPoint: ['/usr/local/bin/kinlog'],
  env: ['PATH=/usr/local/bin'],
  user: `${USER}:${USER}`,
  labels: {
    'org.opencontainers.image.title': 'kinlog',
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.licenses': 'Apache-2.0',
  },
});
