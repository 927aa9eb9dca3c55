/** The input's client of splunkd's REST API: what it asks, what it waits for, and what it never says. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeError } from '../../../base/errors.ts';
import { APP_ID, REALMS } from '../../../splunk-app/input/stored.ts';
import { APP_ID as PACKAGED } from '../../../splunk-app/render.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { KEY, SecretsScene } from './secrets-scene.ts';

let scene: SecretsScene;
beforeEach(async () => {
  scene = new SecretsScene();
  await scene.open();
});
afterEach(() => scene.close());

const signal = () => scene.stop.signal;
const failure = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'did not fail',
    (error: unknown) => describeError(error),
  );

it('keeps its secrets in the namespace of the app that is packaged', () => {
  expect(APP_ID).toBe(PACKAGED);
});

describe('stored secrets', () => {
  it.each(['plain', 'a:b', 'a/b?c#d', 'ü 漢 %41', String.raw`back\slash`])(
    'are found under the name %j',
    async (name) => {
      const splunkd = scene.client();
      await splunkd.storePassword(REALMS.hec, name, 'first', signal());
      await splunkd.storePassword(REALMS.hec, name, 'second & last', signal());
      expect(await splunkd.password(REALMS.hec, name, signal())).toBe('second & last');
      expect(await splunkd.password(REALMS.aws, name, signal())).toBeUndefined();
      expect(scene.fake.passwords.clear(APP_ID, REALMS.hec, name)).toBe('second & last');
    },
  );

  it('are listed by their names only, all of them, and only those of the realm', async () => {
    for (let n = 10; n < 50; n++) scene.fake.passwords.put(APP_ID, REALMS.aws, `key${n}`, 'secret');
    scene.fake.passwords.put(APP_ID, REALMS.hec, 'token', 'secret');
    const names = await scene.client().passwordNames(REALMS.aws, signal());
    expect(names).toEqual(Array.from({ length: 40 }, (_, n) => `key${n + 10}`));
  });

  it('that splunkd gives out as a mask are an error and not a secret', async () => {
    scene.fake.passwords.put(APP_ID, REALMS.hec, 'token', 'secret');
    scene.port.faults.maskedPasswords = true;
    expect(await failure(scene.client().password(REALMS.hec, 'token', signal()))).toMatch(
      /only a mask.*KINLOG_SPLUNK_REFUSED.*storage_passwords_masking/,
    );
  });

  it('are stored though the answer to the first try is lost', async () => {
    scene.port.faults.loseAnswers(1);
    await scene.client().storePassword(REALMS.input, 'prod.hec_token', 'secret', signal());
    expect(scene.fake.passwords.clear(APP_ID, REALMS.input, 'prod.hec_token')).toBe('secret');
  });
});

describe('a refusal', () => {
  it.each([
    ['list_storage_passwords', () => scene.client().password(REALMS.aws, 'key', signal())],
    ['list_storage_passwords', () => scene.client().passwordNames(REALMS.aws, signal())],
    ['edit_storage_passwords', () => scene.client().storePassword(REALMS.aws, 'key', 'secret', signal())],
  ])('for want of %s names the capability and is not tried again', async (capability, call) => {
    scene.port.faults.denied.add(capability);
    expect(await failure(call())).toMatch(new RegExp(`KINLOG_SPLUNK_REFUSED.*capability ${capability}`));
    expect(scene.port.calls).toHaveLength(1);
  });

  it('of the session key at the first call is a refusal, later the end of the session', async () => {
    const splunkd = scene.client();
    scene.port.faults.expired = true;
    expect(await failure(splunkd.password(REALMS.aws, 'key', signal()))).toContain('KINLOG_SPLUNK_REFUSED');
    scene.port.faults.expired = false;
    await splunkd.password(REALMS.aws, 'key', signal());
    scene.port.faults.expired = true;
    expect(await failure(splunkd.password(REALMS.aws, 'key', signal()))).toContain('KINLOG_SESSION_ENDED');
    expect(await failure(splunkd.serverRoles(signal()))).toContain('KINLOG_SESSION_ENDED');
  });

  it.each([400, 403, 500])('with HTTP %i says no secret, also when splunkd repeats the request', async (status) => {
    const splunkd = scene.client();
    scene.fake.passwords.put(APP_ID, REALMS.hec, 'token', 'sec/ret of hec');
    await splunkd.password(REALMS.hec, 'token', signal());
    scene.port.faults.echo = true;
    scene.port.faults.refuse(3, status, 'no, sec/ret of hec:');
    const said = [
      await failure(splunkd.storePassword(REALMS.hec, 'token', 'new & secret', signal())),
      await failure(splunkd.password(REALMS.hec, 'token', signal())),
      await failure(splunkd.editInput({ app: 'search', stanza: 'a', values: { hec_token: '********' } }, signal())),
    ].join('\n');
    expect(said).toContain(`HTTP ${status}`);
    expect(said).not.toMatch(/ret of hec|& secret|new( |%20|\+)(&|%26)/);
    expect(said).not.toContain(KEY);
  });

  it.each([
    ['an empty address', ''],
    ['another host without TLS', 'http://splunk.example.com:8089'],
  ])('comes for %s before anything is sent', async (_, url) => {
    const call = scene.client({ url }).passwordNames(REALMS.aws, signal());
    await expect(call).rejects.toMatchObject({ code: 'KINLOG_CONFIG_INVALID' });
  });
});

describe('a splunkd that is not there yet', () => {
  const waiting = () => {
    const clock = new FakeClock();
    return { clock, splunkd: scene.client({ clock }) };
  };

  it('is waited for, and that is said once', async () => {
    const { clock, splunkd } = waiting();
    scene.fake.passwords.put(APP_ID, REALMS.hec, 'token', 'secret');
    scene.port.faults.refuse(5, 503, 'starting');
    const secret = splunkd.password(REALMS.hec, 'token', signal());
    let found: string | undefined;
    void secret.then((value) => (found = value));
    await clock.until(() => found !== undefined);
    expect(found).toBe('secret');
    expect(scene.lines.map(({ name }) => name)).toEqual(['splunkd.waited']);
  });

  it('is given up after a minute or two', async () => {
    const { clock, splunkd } = waiting();
    scene.port.faults.outage = true;
    let said = '';
    void failure(splunkd.passwordNames(REALMS.hec, signal())).then((text) => (said = text));
    await clock.until(() => said !== '');
    expect(said).toContain('KINLOG_SERVICE_UNAVAILABLE');
    expect(clock.monotonic()).toBeGreaterThan(45_000);
    expect(clock.monotonic()).toBeLessThan(150_000);
  });

  it('keeps nobody from stopping', async () => {
    scene.port.faults.outage = true;
    const asked = failure(scene.client().password(REALMS.hec, 'token', signal()));
    scene.stop.abort();
    expect(await asked).toContain('AbortError');
  });

  it('whose certificate is not trusted is not asked again here', async () => {
    const tls = await scene.fake.open();
    const said = await failure(scene.client({ url: tls.url }).password(REALMS.hec, 'token', signal()));
    expect(said).toContain('KINLOG_TLS_UNTRUSTED');
  });
});

it('tells the roles of the host and the state of the KV store', async () => {
  scene.port.faults.kvStatus = 'starting';
  const splunkd = scene.client();
  expect(await splunkd.serverRoles(signal())).toEqual(['heavyweight_forwarder', 'kv_store']);
  expect(await splunkd.kvStoreStatus(signal())).toBe('starting');
});
