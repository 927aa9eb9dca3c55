/** What the KV store says when it can not, and what becomes of it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeError, type KinlogError } from '../../../base/errors.ts';
import { openKvStore } from '../../../reader/checkpoint/kv-store.ts';
import { all, live, row, STREAM } from '../../contract/store-rows.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { kvScene, SESSION, type KvScene, type OpenedKvStore } from '../../fakes/splunkd/kv-stores.ts';
import { CA } from '../../fakes/splunkd/splunkd.ts';

let scene: KvScene;
let clock: FakeClock;
let opened: OpenedKvStore;

beforeEach(async () => {
  scene = kvScene();
  clock = new FakeClock();
  opened = await scene.open({ clock, readyWithinMs: 60_000 });
});
afterEach(() => scene.dispose());

/** Lets virtual time pass until `work` has settled. */
async function passing<T>(work: Promise<T>): Promise<T> {
  const settled = { yet: false };
  const done = () => {
    settled.yet = true;
  };
  work.then(done, done);
  await clock.until(() => settled.yet);
  return work;
}

const put = () => opened.store.put(STREAM, row('s'), 'absent', live());

describe('a KV store that is not ready', () => {
  test.each(['starting', 'unknown', 'shuttingdown'])('and %s is waited for', async (status) => {
    opened.port.faults.kvStatus = status;
    opened.port.faults.readyAfter = 4;
    expect(await passing(put())).toBeGreaterThan(0);
    expect(clock.monotonic()).toBe(500 + 1000 + 2000 + 4000);
    expect(await all(opened.store)).toHaveLength(1);
  });

  test('is not waited for longer than was said, and nothing is stored', async () => {
    opened.port.faults.kvStatus = 'starting';
    const unavailable = { code: 'KINLOG_CHECKPOINT_UNAVAILABLE', retry: 'soon' };
    await expect(passing(put())).rejects.toMatchObject(unavailable);
    expect(clock.monotonic()).toBeGreaterThan(45_000);
    expect(clock.monotonic()).toBeLessThanOrEqual(60_000);
    await expect(passing(all(opened.store))).rejects.toMatchObject(unavailable);
    expect(scene.collection.size).toBe(0);
  });

  test.each(['failed', 'disabled'])('and %s is an error at once, which a person must act on', async (status) => {
    opened.port.faults.kvStatus = status;
    const error = await put().catch((reason: unknown) => reason as KinlogError);
    expect(error).toMatchObject({ code: 'KINLOG_CHECKPOINT_UNAVAILABLE', retry: 'slow' });
    expect(describeError(error)).toContain(`the KV store is ${status}`);
    expect(clock.monotonic()).toBe(0);
  });

  test('stops being waited for when the caller stops', async () => {
    opened.port.faults.kvStatus = 'starting';
    const stop = new AbortController();
    const waiting = opened.store.put(STREAM, row('s'), 'absent', stop.signal);
    await clock.until(() => clock.sleeping === 1 && clock.monotonic() > 1000);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('refusals', () => {
  const SOON = { code: 'KINLOG_CHECKPOINT_UNAVAILABLE', retry: 'soon' };
  const SLOW = { code: 'KINLOG_CHECKPOINT_UNAVAILABLE', retry: 'slow' };

  test.each([
    { status: 500, text: 'boom', is: SOON, said: 'HTTP 500: boom' },
    { status: 502, text: '', is: SOON, said: 'HTTP 502' },
    { status: 503, text: 'busy', is: SOON, said: 'status ready' },
    { status: 429, text: 'slow down', is: SOON, said: 'HTTP 429' },
    { status: 507, text: 'no', is: SLOW, said: 'the KV store is full' },
    { status: 500, text: 'No space left on device', is: SLOW, said: 'the KV store is full' },
    { status: 403, text: 'no', is: { code: 'KINLOG_SPLUNK_REFUSED', retry: 'slow' }, said: 'does not allow' },
    { status: 400, text: 'what?', is: { code: 'KINLOG_REQUEST_REFUSED', retry: 'never' }, said: 'HTTP 400: what?' },
  ])('HTTP $status "$text" has a name, and does no harm', async ({ status, text, is, said }) => {
    opened.port.faults.refuse(1, status, text);
    const error = await put().catch((reason: unknown) => reason);
    expect(error).toMatchObject(is);
    expect(describeError(error)).toContain(said);
    expect(await put()).toBeGreaterThan(0);
  });

  test('a store that is ready and yet answers 503 all the time is not asked in a loop', async () => {
    const { store, port } = await scene.open();
    port.faults.refuse(1, 503);
    await expect(all(store)).rejects.toMatchObject(SOON);
    expect(port.calls).toHaveLength(2);
  });

  test('a missing collection is told, with the app and the stanza that it needs', async () => {
    const { store } = await scene.open({ app: 'other', collection: 'rows' });
    for (const work of [() => store.put(STREAM, row('s'), 'absent', live()), () => all(store)]) {
      const error = await work().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'KINLOG_KV_COLLECTION_MISSING', retry: 'slow' });
      expect(describeError(error)).toMatch(/collection rows of app other .*enable the app other.*\[rows\]/);
    }
  });

  test('a read-only store is told, rows can still be read, and nothing is lost', async () => {
    const version = await put();
    opened.port.faults.readOnly = true;
    const error = await opened.store.put(STREAM, row('s'), version, live()).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'KINLOG_CHECKPOINT_UNAVAILABLE', retry: 'slow' });
    expect(describeError(error)).toContain('takes no writes');
    expect(await all(opened.store)).toHaveLength(1);
    opened.port.faults.readOnly = false;
    expect(await opened.store.put(STREAM, row('s'), version, live())).toBe(version + 1);
  });

  test('a session key that was accepted and is no more is told as such, for splunkd gives a new one without anybody', async () => {
    await put();
    opened.port.faults.expired = true;
    await expect(all(opened.store)).rejects.toMatchObject({ code: 'KINLOG_SESSION_ENDED', retry: 'never' });
  });

  test('a session key that is not accepted is told, no secret is, and nobody waits for another one', async () => {
    opened.port.faults.expired = true;
    const error = await put().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'KINLOG_SPLUNK_REFUSED', retry: 'never' });
    expect(describeError(error)).toContain('restart the input');
    expect(JSON.stringify(error) + describeError(error) + String((error as Error).stack)).not.toContain(SESSION.value);
  });

  test('a token is asked for at every call, so that a new one is used at once', async () => {
    const tokens = ['expired', 'token-of-a-user', 'token-of-a-user'];
    const auth = async () => ({ kind: 'bearer', value: tokens.shift()! }) as const;
    const { store } = await scene.open({ auth });
    await expect(all(store)).rejects.toMatchObject({ code: 'KINLOG_SPLUNK_REFUSED', retry: 'slow' });
    expect(await all(store)).toEqual([]);
  });

  test('what is no KV store at all is not taken for an empty one', async () => {
    opened.port.faults.refuse(1, 200, 'hello');
    await expect(all(opened.store)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_UNREADABLE' });
  });

  test('a server that never answers is given up', async () => {
    const { port } = opened;
    const store = openKvStore({ url: port.url, app: 'kinloader', auth: SESSION, ca: CA, timeoutMs: 50 });
    port.faults.delayMs = 400;
    await expect(all(store)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_UNAVAILABLE', retry: 'soon' });
    await store.close();
  });
});

test('documents that somebody damaged are refused, and say which', async () => {
  await put();
  const [document] = scene.collection.all();
  for (const damage of [{ state: 'x' }, { version: 'x' }, { born: 1 }, { schema: 'x' }]) {
    scene.collection.save('nobody', { ...document, ...damage });
    await expect(all(opened.store)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_UNREADABLE' });
  }
  scene.collection.save('nobody', { ...document, schema: 2 });
  await expect(all(opened.store)).rejects.toMatchObject({ code: 'KINLOG_CHECKPOINT_NEWER' });
});
