/** Packs the Helm chart as `helm package` would, but the same bytes each time: `package.ts [--to FOLDER]`, dist/kinlog-operator-VERSION.tgz. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { compressed } from '../../packaging/gzip.ts';
import { tar } from '../../packaging/tar.ts';
import { chartFiles } from './chart.ts';
import { NAME } from './variant.ts';

const root = path.join(import.meta.dirname, '../..');
const { values } = parseArgs({ options: { to: { type: 'string' } } });
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };

const folder = values.to ?? path.join(root, 'dist');
const target = path.join(folder, `${NAME}-${version}.tgz`);
const files = [...chartFiles(version)].map(([name, content]) => {
  return { path: `${NAME}/${name}`, bytes: Buffer.from(content), executable: false };
});
mkdirSync(folder, { recursive: true });
writeFileSync(target, compressed(tar(files)));
process.stdout.write(`${path.relative(process.cwd(), target)}\n`);
