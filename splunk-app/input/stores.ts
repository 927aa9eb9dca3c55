/** The position store of a stanza: which one it is, which one it was, and how each is opened. */
import { open, rename } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { AwsAccess } from '../../base/aws-access.ts';
import { isAbort, type Clock } from '../../base/clock.ts';
import { isKinlogError, KinlogError } from '../../base/errors.ts';
import type { EventLog } from '../../base/events.ts';
import { makeFolder } from '../../base/folder.ts';
import { fileError, inspectDirectory } from '../../reader/checkpoint/leveldb-files.ts';
import { MemoryStore } from '../../reader/checkpoint/memory.ts';
import { MovingStore } from './moving-store.ts';
import type { StanzaOptions } from './options.ts';
import type { Store } from './released-rows.ts';
import { placeOf, placeText, rememberedPlace, type StorePlace } from './store-place.ts';

export interface StoreContext {
  readonly options: StanzaOptions;
  /** Of the local store; the file that remembers the place lies beside it. */
  readonly directory: string;
  /** How AWS is reached; `endpoint` is that of DynamoDB. */
  readonly aws: AwsAccess;
  /** splunkd's address and the key for it. */
  readonly splunkd: {
    readonly serverUri: string;
    readonly sessionKey: string;
    readonly authorities?: () => Promise<string | undefined>;
  };
  readonly app: string;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** After an edit splunkd starts the new process while the old one may still drain. */
const LOCK_WAIT_MS = 30_000;

/** When the stanza names another store than before, the positions move along as soon as the store is first read. The caller closes it. */
export async function openPositions(context: StoreContext): Promise<Store> {
  const place = placeOf(context.options);
  const file = `${context.directory}.store`;
  const remembered = await rememberedPlace(file);
  const before = remembered ?? (await localPlace(context.directory)) ?? place;
  const { log, clock, options } = context;
  const leasePeriodMs = options.leasePeriodS * 1000;
  if (isDeepStrictEqual(before, place)) {
    if (remembered?.kind === 'local') await refuseGone(context.directory, file);
    const mustExist = remembered !== undefined || options.initialPosition.kind === 'stored';
    const to = await openPlace(place, context, mustExist ? GONE_IS_LOST : {});
    if (remembered !== undefined) return to;
    // Remembered once it was read: a table that is misspelt, or refused, is no place of positions.
    const done = () => remember(place, file);
    return new MovingStore({ from: new MemoryStore(), to, kept: (error) => error, clock, log, leasePeriodMs, done });
  }
  const kept = (error: unknown) => keptElsewhere(error, before, context.directory);
  const from = await openPlace(before, context, GONE_IS_LOST).catch((error: unknown) => {
    throw kept(error);
  });
  try {
    const to = await openPlace(place, context);
    return new MovingStore({
      from,
      to,
      kept,
      clock,
      log,
      leasePeriodMs,
      done: async (moved, living) => {
        await remember(place, file);
        log.emit('checkpoint.moved', { from: placeText(before), to: placeText(place), rows: moved });
        if (living.size > 0) log.emit('reader.elsewhere', { store: placeText(before), owners: [...living].join(', ') });
      },
    });
  } catch (error) {
    await from.close();
    throw error;
  }
}

/** A directory that was lost must not be made anew, empty: reading would begin somewhere else without a word. */
async function refuseGone(directory: string, file: string): Promise<void> {
  if ((await inspectDirectory(directory)) !== 'new') return;
  throw new KinlogError(
    'KINLOG_CHECKPOINT_MISSING',
    `the positions of this input are gone: there is nothing in ${directory}`,
    {
      remedy: `Bring the directory back. To begin anew, at initial_position, remove ${file}.`,
      retry: 'never',
    },
  );
}

/** Whoever has just named another store would not look for a fault in the former one. */
function keptElsewhere(error: unknown, before: StorePlace, directory: string): unknown {
  if (!isKinlogError(error) || isAbort(error.cause)) return error;
  const { code, message, remedy, retry } = error;
  const rows = before.kind === 'local' ? `${directory} and ` : '';
  return new KinlogError(code, `the positions are still in the former store, ${placeText(before)}: ${message}`, {
    remedy: `${remedy} To begin without them, remove ${rows}${directory}.store.`,
    retry,
    cause: error,
  });
}

/** As a whole or not at all. */
async function remember(place: StorePlace, file: string): Promise<void> {
  try {
    await makeFolder(path.dirname(file));
    const next = `${file}.next`;
    const handle = await open(next, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(place)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(next, file);
  } catch (error) {
    throw fileError(error, file);
  }
}

/** Of an input that is older than the file: all it could have were positions on the disk. */
async function localPlace(directory: string): Promise<StorePlace | undefined> {
  return (await inspectDirectory(directory)) === 'new' ? undefined : { kind: 'local' };
}

/** A table that holds positions, or should, must not be made anew when it is gone: nothing would move, and reading would begin somewhere else. */
const GONE_IS_LOST = { create: false } as const;

async function openPlace(place: StorePlace, context: StoreContext, table: { create?: false } = {}): Promise<Store> {
  const { directory, log, signal, aws, splunkd, app } = context;
  switch (place.kind) {
    case 'local': {
      const { openLevelStore } = await import('../../reader/checkpoint/leveldb.ts');
      return openLevelStore(directory, { signal, waitMs: LOCK_WAIT_MS });
    }
    case 'kvstore': {
      const { openKvStore } = await import('../../reader/checkpoint/kv-store.ts');
      const auth = { kind: 'session', value: splunkd.sessionKey } as const;
      return openKvStore({ url: splunkd.serverUri, app, auth, ca: await splunkd.authorities?.(), log });
    }
    case 'dynamodb': {
      const { openDynamoStore } = await import('../../reader/checkpoint/dynamodb.ts');
      const { region, endpoint } = place;
      const { checkpointTableCapacity: capacity } = context.options;
      const create = capacity === undefined ? {} : { readCapacity: capacity, writeCapacity: capacity };
      return openDynamoStore({ table: place.table, client: { ...aws, region, endpoint }, create, log, ...table });
    }
  }
}
