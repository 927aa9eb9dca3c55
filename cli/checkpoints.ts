/** `kinlog checkpoints list`, `show` and `export`: what is stored, and nothing is written. */
import { KinlogError } from '../base/errors.ts';
import { exportLines } from '../reader/checkpoint/export.ts';
import { ByteTarget } from './byte-target.ts';
import type { ExportValues, ListValues, ShowValues } from './checkpoints-options.ts';
import { rowJson, rowsTable, rowText, unfinishedOf } from './checkpoints-render.ts';
import { refuseEmpty, rowsOf, withPlace, type Place } from './checkpoints-scene.ts';
import { targetOf } from './checkpoints-target.ts';
import { EXIT, type Surroundings } from './exit.ts';

export async function list(values: ListValues, around: Surroundings): Promise<number> {
  return withPlace(await targetOf(values, 'store'), { around }, async (place) => {
    const rows = await rowsOf(place);
    if (!values.json) refuseEmpty(rows, place);
    return print(around, values.json ? rowsJson(rows, place) : rowsTable(rows, place.clock.now()));
  });
}

function rowsJson(rows: Awaited<ReturnType<typeof rowsOf>>, { name, stream }: Place): string {
  const unfinished = unfinishedOf(rows);
  const shards = rows.map((row) => rowJson(row, unfinished));
  return `${JSON.stringify({ stream: stream.id, store: name, shards }, null, 2)}\n`;
}

export async function show(values: ShowValues, around: Surroundings): Promise<number> {
  return withPlace(await targetOf(values, 'store'), { around }, async (place) => {
    const rows = await rowsOf(place);
    refuseEmpty(rows, place);
    const row = rows.find(({ shardId }) => shardId === values.shard);
    if (row === undefined)
      throw new KinlogError('KINLOG_CONFIG_INVALID', `${place.name} holds no position of ${values.shard}`, {
        remedy: 'See "kinlog checkpoints list" for the shards that it knows.',
      });
    const json = `${JSON.stringify(rowJson(row, unfinishedOf(rows)), null, 2)}\n`;
    return print(around, values.json ? json : rowText(row, rows, place.clock.now()));
  });
}

export async function exportRows(values: ExportValues, around: Surroundings): Promise<number> {
  return withPlace(await targetOf(values, 'store'), { around }, async (place) => {
    const rows = await rowsOf(place);
    refuseEmpty(rows, place);
    return print(around, [...exportLines(place.stream, rows)].join(''));
  });
}

async function print({ stdout }: Surroundings, text: string): Promise<number> {
  await ByteTarget.stdout(stdout).write(text);
  return EXIT.ok;
}
