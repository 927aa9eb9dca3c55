/** `kinlog checkpoints reset`: a stream is read anew, from a start that is stored now or from the one that the next reader is given. */
import { configFaults } from '../base/config.ts';
import type { StoredRow } from '../reader/checkpoint/store.ts';
import { lineage, type StartPosition } from '../reader/shards/lineage.ts';
import { storedStart } from '../reader/shards/start.ts';
import { positionText } from '../reader/checkpoint/position.ts';
import { refuseAlive } from './checkpoints-alive.ts';
import { sayer } from './checkpoints-edit.ts';
import type { ResetValues } from './checkpoints-options.ts';
import { rowsTable } from './checkpoints-render.ts';
import {
  done,
  refuseEmpty,
  rowsOf,
  withPlace,
  type OpenMode,
  type Place,
  type StreamSide,
} from './checkpoints-scene.ts';
import { targetOf } from './checkpoints-target.ts';
import { putAll, removeAll } from './checkpoints-write.ts';
import { confirmed } from './confirm.ts';
import type { Surroundings } from './exit.ts';
import type { GivenStart } from './start.ts';

export async function reset(values: ResetValues, around: Surroundings): Promise<number> {
  const { to } = values;
  if (to !== undefined && values.ignoreMissing)
    throw configFaults(['--ignore-missing means nothing with --to, which makes what is missing']);
  return withPlace(await targetOf(values, 'store'), { around, mode: modeOf(values) }, async (place, side) => {
    const rows = await rowsOf(place);
    return to === undefined
      ? removeRows(rows, place, { values, around })
      : beginAt(to, rows, place, { side, values, around });
  });
}

function modeOf({ to, ignoreMissing }: ResetValues): OpenMode {
  if (to !== undefined) return 'made';
  return ignoreMissing ? 'dry' : 'existing';
}

interface Context {
  readonly values: ResetValues;
  readonly around: Surroundings;
}

async function removeRows(rows: readonly StoredRow[], place: Place, { values, around }: Context): Promise<number> {
  const say = sayer(around);
  if (rows.length === 0 && values.ignoreMissing) {
    say(`${place.name} holds no positions of the stream ${place.stream.id}`);
    return done(true);
  }
  refuseEmpty(rows, place);
  await refuseAlive({ rows, all: rows }, place, { ...values, say });
  around.stderr.write(rowsTable(rows, place.clock.now()));
  const question = `These ${rows.length} positions of ${place.stream.id} are lost, and the next reader begins where its start says. Remove them?`;
  if (!(await confirmed(question, values.yes, around, place.signal))) return done(false);
  await removeAll(rows, place);
  say(`${place.name}: ${rows.length} positions of ${place.stream.id} removed`);
  return done(true);
}

async function beginAt(
  to: GivenStart,
  rows: readonly StoredRow[],
  place: Place,
  { side, values, around }: Context & { readonly side: StreamSide },
): Promise<number> {
  const say = sayer(around);
  const listed = await side.shards();
  const start: StartPosition = storedStart(to, (await side.api()).serverTimeMs());
  const stream = await side.key();
  await refuseAlive({ rows, all: rows }, place, { ...values, say });
  if (rows.length > 0) around.stderr.write(rowsTable(rows, place.clock.now()));
  const where = positionText(start);
  const question = `These ${rows.length} positions of ${place.stream.id} are lost, and all its ${listed.length} shards are read from ${where}. Do it?`;
  if (rows.length > 0 && !(await confirmed(question, values.yes, around, place.signal))) return done(false);
  const { missing } = lineage({ stream, listed, rows: new Map(), start });
  await putAll(missing, new Map(rows.map((row) => [row.shardId, row])), place);
  const begun = new Set(missing.map(({ shardId }) => shardId));
  // Left standing, a row of a shard that is listed no more would be taken for records that aged out unread.
  await removeAll(
    rows.filter(({ shardId }) => !begun.has(shardId)),
    place,
  );
  say(`${place.name}: all ${missing.length} shards of ${place.stream.id} are read from ${where}`);
  return done(true);
}
