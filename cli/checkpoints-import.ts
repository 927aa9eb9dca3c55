/** `kinlog checkpoints import` and `convert`: positions from a file, a table of another program, or another store; everything is checked before anything is written. */
import { readFile } from 'node:fs/promises';
import { configFaults, kebab } from '../base/config.ts';
import { isKinlogError, KinlogError } from '../base/errors.ts';
import { streamId } from '../base/stream.ts';
import { exportedRows, withoutLease } from '../reader/checkpoint/export.ts';
import type { ShardRow, StoredRow } from '../reader/checkpoint/store.ts';
import { refuseAlive, refuseMoved } from './checkpoints-alive.ts';
import { sayer } from './checkpoints-edit.ts';
import type { ConvertValues, ImportValues } from './checkpoints-options.ts';
import { rowsTable } from './checkpoints-render.ts';
import {
  done,
  openPlace,
  refuseEmpty,
  rowsOf,
  withPlace,
  type OpenMode,
  type Place,
  type StreamSide,
} from './checkpoints-scene.ts';
import { targetOf, type Target } from './checkpoints-target.ts';
import { putAll } from './checkpoints-write.ts';
import { confirmed } from './confirm.ts';
import type { Surroundings } from './exit.ts';
import { storeOf } from './store-options.ts';
import { storeName } from './store.ts';

export async function importRows(values: ImportValues, around: Surroundings): Promise<number> {
  refuseMixture(values);
  const target = await targetOf(values, 'store');
  // Before the store is opened, which may make it.
  const inFile = values.file === undefined ? undefined : await fileRows(values.file, target);
  return withPlace(target, { around, mode: modeOf(values) }, async (place, side) =>
    store(inFile ?? (await rowsInTable(values, place, { side, around })), place, { values, around }),
  );
}

const modeOf = ({ dryRun }: { dryRun: boolean }): OpenMode => (dryRun ? 'dry' : 'made');

const TABLE_ONLY = [
  'layout',
  'application',
  'start',
  'fromRegion',
  'fromEndpointUrl',
  'fromRoleArn',
  'fromExternalId',
] as const;

function refuseMixture(values: ImportValues): void {
  const { file, fromTable, layout } = values;
  const faults: string[] = [];
  if ((file === undefined) === (fromTable === undefined))
    faults.push('one of --file and --from-table says what to import');
  if (fromTable !== undefined && layout === undefined) faults.push('--layout is missing: whose table it is');
  if (fromTable === undefined)
    for (const name of TABLE_ONLY) if (values[name] !== undefined) faults.push(`--${kebab(name)} needs --from-table`);
  if (faults.length > 0) throw configFaults(faults);
}

async function rowsInTable(
  values: ImportValues,
  place: Place,
  { side, around }: { side: StreamSide; around: Surroundings },
): Promise<ShardRow[]> {
  const { tableRows } = await import('./checkpoints-table.ts');
  return tableRows(values, place, { side, say: sayer(around) });
}

async function fileRows(file: string, { connection }: Target): Promise<ShardRow[]> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new KinlogError('KINLOG_INPUT_INVALID', `${file} can not be read: ${(cause as Error).message}`, {
      cause,
      remedy: 'Check the name of the file and its permissions.',
    });
  });
  return exportedRows(text, streamId(connection.streamName), file).map(withoutLease);
}

export async function convert(values: ConvertValues, around: Surroundings): Promise<number> {
  const source = await targetOf(values, 'from');
  const { store: from } = source;
  const to = storeOf('to', values);
  const missing = [...(from === undefined ? ['--from'] : []), ...(to === undefined ? ['--to'] : [])];
  if (to === undefined || missing.length > 0) throw configFaults(missing.map((flag) => `${flag} is missing: a store`));
  if (from !== undefined && storeName(from) === storeName(to) && to.kind !== 'dynamodb')
    throw configFaults([`--from and --to are the same store, ${storeName(to)}`]);
  return withPlace(source, { around }, async (place, side) => {
    const rows = await rowsOf(place);
    refuseEmpty(rows, place);
    await refuseAlive({ rows, all: rows }, place, { ...values, say: sayer(around) });
    const store = await openPlace(to, { signal: place.signal, around, mode: modeOf(values) });
    const target = { ...place, store, name: storeName(to), stream: await side.keyFor(to) };
    try {
      return await storeUnmoved(rows, { source: place, target }, { values, around });
    } finally {
      await store.close();
    }
  });
}

async function storeUnmoved(
  rows: readonly StoredRow[],
  { source, target }: { source: Place; target: Place },
  context: StoreContext,
): Promise<number> {
  const status = await store(rows.map(withoutLease), target, context);
  refuseMoved(new Map(rows.map((row) => [row.shardId, row])), await rowsOf(source), source.name);
  return status;
}

interface StoreContext {
  readonly values: { overwrite: boolean; dryRun: boolean; yes: boolean; wait: number; force: boolean };
  readonly around: Surroundings;
}

async function store(rows: readonly ShardRow[], place: Place, { values, around }: StoreContext): Promise<number> {
  const say = sayer(around);
  const present = new Map((await presentRows(place, values.dryRun)).map((row) => [row.shardId, row]));
  const replaced = rows.map(({ shardId }) => present.get(shardId)).filter((row) => row !== undefined);
  if (present.size > 0 && !values.overwrite) throw occupied(present.size, place);
  await refuseAlive({ rows: replaced, all: [...present.values()] }, place, { ...values, say });
  around.stderr.write(
    rowsTable(
      rows.map((row) => ({ ...row, version: 1 })),
      place.clock.now(),
    ),
  );
  if (values.dryRun) {
    say(`${rows.length} positions would be stored in ${place.name}, ${replaced.length} of them replaced`);
    return done(true);
  }
  const question = `${replaced.length} positions in ${place.name} are replaced by these and lost. Replace them?`;
  if (replaced.length > 0 && !(await confirmed(question, values.yes, around, place.signal))) return done(false);
  await putAll(rows, present, place);
  say(`${rows.length} positions of ${place.stream.id} stored in ${place.name}`);
  return done(true);
}

async function presentRows(place: Place, dryRun: boolean): Promise<StoredRow[]> {
  try {
    return await rowsOf(place);
  } catch (error) {
    if (dryRun && isKinlogError(error, 'KINLOG_CHECKPOINT_MISSING')) return [];
    throw error;
  }
}

function occupied(count: number, { name, stream }: Place): KinlogError {
  return new KinlogError('KINLOG_CONFIG_INVALID', `${name} holds ${count} positions of ${stream.id} already`, {
    remedy: 'Nothing was changed. Add --overwrite to replace them, or name another store.',
  });
}
