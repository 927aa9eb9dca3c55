/** Where the secrets of a stanza come from, and how those typed into it get out of inputs.conf. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeError } from '../../../base/errors.ts';
import { readSecrets } from '../../../splunk-app/input/secrets.ts';
import { MASK, parseStanzaOptions } from '../../../splunk-app/input/stanza.ts';
import { APP_ID, REALMS } from '../../../splunk-app/input/stored.ts';
import { FakeClock } from '../../fakes/clock.ts';
import { SecretsScene } from './secrets-scene.ts';

let scene: SecretsScene;
beforeEach(async () => {
  scene = new SecretsScene();
  await scene.open();
});
afterEach(() => scene.close());

const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const TYPED = { aws_access_key_id: 'AKIAIOSFODNN7EXAMPLE', aws_secret_access_key: SECRET };
const KEYS = { accessKeyId: TYPED.aws_access_key_id, secretAccessKey: SECRET };
const HEC = { output: 'hec', hec_url: 'https://collector.example.com:8088' };
const EDIT = 'edit kinesis_log/prod';
const store = (realm: string, name: string, secret: string) => scene.fake.passwords.put(APP_ID, realm, name, secret);
const stored = (name: string) => scene.fake.passwords.clear(APP_ID, REALMS.input, name);
const failure = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'did not fail',
    (error: unknown) => describeError(error),
  );
const names = () => scene.lines.map(({ name }) => name);

describe('a stanza that names its secrets', () => {
  it('gets them from the password storage', async () => {
    store(REALMS.aws, 'reader', JSON.stringify(KEYS));
    store(REALMS.hec, 'collector', 'token-of-hec');
    store(REALMS.proxy, 'office', 'http://user:pass@proxy.example.com:3128');
    scene.put('prod', { ...HEC, aws_credential: 'reader', hec_credential: 'collector', proxy: 'office' });
    expect(await scene.resolve('prod')).toEqual({
      aws: KEYS,
      hecToken: 'token-of-hec',
      proxy: 'http://user:pass@proxy.example.com:3128',
    });
    expect(scene.edits).toEqual([]);
  });

  it('asks splunkd nothing when it names none', async () => {
    scene.put('prod', { proxy: 'http://proxy.example.com:3128' });
    expect(await scene.resolve('prod')).toEqual({ proxy: 'http://proxy.example.com:3128' });
    expect(scene.port.calls).toEqual([]);
  });

  it('is told every name that is not stored, what is stored instead, and where to store it', async () => {
    store(REALMS.aws, 'other', JSON.stringify(KEYS));
    scene.put('prod', { ...HEC, aws_credential: 'reader', hec_credential: 'collector', proxy: 'office' });
    const said = await failure(scene.resolve('prod'));
    expect(said).toContain('aws_credential names "reader"');
    expect(said).toContain('(realm kinloader_aws; stored there: other)');
    expect(said).toContain('hec_credential names "collector"');
    expect(said).toContain('proxy names "office"');
    expect(said).toMatch(/KINLOG_SECRET_UNUSABLE.*set-up page/);
  });

  it.each([
    [REALMS.aws, { aws_credential: 'broken' }, `not JSON ${SECRET}`],
    [REALMS.aws, { aws_credential: 'broken' }, JSON.stringify({ accessKeyId: 'AKIAIOSFODNN7EXAMPLE' })],
    [REALMS.aws, { aws_credential: 'broken' }, 'null'],
    [REALMS.hec, { ...HEC, hec_credential: 'broken' }, `two words ${SECRET}`],
    [REALMS.proxy, { proxy: 'broken' }, `user:${SECRET}@proxy`],
  ])('is told that what realm %s holds can not be read, and not what it is', async (realm, params, content) => {
    store(realm, 'broken', content);
    scene.put('prod', params);
    const said = await failure(scene.resolve('prod'));
    expect(said).toContain(`"broken" (realm ${realm}) is stored in a form that can not be read`);
    expect(said).not.toMatch(/wJalr|two words|not JSON/);
  });
});

describe('a secret typed into a stanza', () => {
  it('is stored, then masked by one edit, and the next run reads it and edits nothing', async () => {
    scene.put('prod', { ...TYPED, ...HEC, hec_token: 'token-of-hec' });
    const secrets = { aws: KEYS, hecToken: 'token-of-hec' };
    expect(await scene.resolve('prod')).toEqual(secrets);
    expect(scene.edits).toEqual([EDIT]);
    expect(scene.stanza('prod').params.get('aws_secret_access_key')).toBe(MASK);
    expect(scene.stanza('prod').params.get('hec_token')).toBe(MASK);
    expect(await scene.resolve('prod')).toEqual(secrets);
    expect(scene.edits).toEqual([EDIT]);
    expect(names()).toEqual(['secret.stored']);
    expect(JSON.stringify(scene.lines)).not.toContain(SECRET);
  });

  it('is edited in the app that holds the stanza', async () => {
    scene.put('prod', TYPED);
    await scene.resolve('prod', scene.client(), 'my app');
    expect(scene.port.calls.at(-1)).toBe('POST /servicesNS/nobody/my%20app/data/inputs/kinesis_log/prod');
  });

  it('typed over the mask replaces the stored one', async () => {
    store(REALMS.input, 'prod.aws_secret_access_key', 'old-secret-of-the-key');
    scene.put('prod', TYPED);
    expect(await scene.resolve('prod')).toEqual({ aws: KEYS });
    expect(stored('prod.aws_secret_access_key')).toBe(SECRET);
    expect(scene.edits).toEqual([EDIT]);
  });

  it.each(['a/b', 'a:b', 'ü', 'a b', String.raw`a\b`, 'a.b%'])(
    'of a stanza called %j finds its way back',
    async (name) => {
      scene.put(name, TYPED);
      await scene.resolve(name);
      expect(scene.stanza(name).params.get('aws_secret_access_key')).toBe(MASK);
      expect(await scene.resolve(name)).toEqual({ aws: KEYS });
    },
  );

  it('is not lost when the input ends between storing and masking', async () => {
    scene.put('prod', TYPED);
    const splunkd = scene.client();
    const edit = splunkd.editInput.bind(splunkd);
    splunkd.editInput = () => Promise.reject(new DOMException('killed', 'AbortError'));
    expect(await failure(scene.resolve('prod', splunkd))).toContain('killed');
    expect(stored('prod.aws_secret_access_key')).toBe(SECRET);
    expect(scene.stanza('prod').params.get('aws_secret_access_key')).toBe(SECRET);
    splunkd.editInput = edit;
    expect(await scene.resolve('prod', splunkd)).toEqual({ aws: KEYS });
    expect(scene.edits).toEqual([EDIT]);
  });

  it('stays where it is and is used when it can not be stored, and that is an error once', async () => {
    scene.put('prod', TYPED);
    scene.port.faults.denied.add('edit_storage_passwords');
    expect(await scene.resolve('prod')).toEqual({ aws: KEYS });
    expect(names()).toEqual(['secret.unmasked']);
    expect(scene.lines[0]!.fields['error']).toContain('capability edit_storage_passwords');
    expect(scene.stanza('prod').params.get('aws_secret_access_key')).toBe(SECRET);
    expect(scene.edits).toEqual([]);
  });

  it.each([
    ['this user may not read it', () => scene.port.faults.denied.add('list_storage_passwords')],
    ['this host gets only asterisks', () => (scene.port.faults.maskedPasswords = true)],
  ])('is not masked when it can be stored but %s', async (_, arrange) => {
    scene.put('prod', TYPED);
    arrange();
    expect(await scene.resolve('prod')).toEqual({ aws: KEYS });
    expect(names()).toEqual(['secret.unmasked']);
    expect(scene.edits).toEqual([]);
  });

  it('is not masked when splunkd gives something else back', async () => {
    scene.put('prod', TYPED);
    const splunkd = scene.client();
    splunkd.password = () => Promise.resolve(SECRET.slice(0, 20));
    expect(await scene.resolve('prod', splunkd)).toEqual({ aws: KEYS });
    expect(scene.lines[0]!.fields['error']).toContain('KINLOG_SECRET_UNUSABLE');
    expect(scene.edits).toEqual([]);
    expect(JSON.stringify(scene.lines)).not.toContain(SECRET.slice(0, 20));
  });

  it.each([403, 400, 404, 500])('is used when splunkd answers the edit with %i', async (status) => {
    scene.put('prod', TYPED);
    scene.port.faults.echo = true;
    const splunkd = scene.client();
    const edit = splunkd.editInput.bind(splunkd);
    splunkd.editInput = (...args) => {
      scene.port.faults.refuse(1, status, 'can not write inputs.conf');
      return edit(...args);
    };
    expect(await scene.resolve('prod', splunkd)).toEqual({ aws: KEYS });
    expect(names()).toEqual(['secret.stored', 'secret.unmasked']);
    expect(scene.lines[1]!.fields['error']).toContain(`HTTP ${status}`);
    expect(JSON.stringify(scene.lines)).not.toContain(SECRET);
  });

  it('that another inputs.conf brings back does not start the input over and over', async () => {
    scene.put('prod', TYPED);
    scene.fake.inputs.overriding.set('kinesis_log/prod', TYPED);
    for (let runs = 0; runs < 5; runs++) expect(await scene.resolve('prod')).toEqual({ aws: KEYS });
    expect(scene.edits).toEqual([EDIT]);
    expect(names().filter((name) => name === 'secret.unmasked')).toHaveLength(4);
    expect(scene.lines.at(-1)!.fields['error']).toMatch(/another inputs\.conf.*btool inputs list kinesis_log:\/\/prod/);
  });

  it('does not hide that the session has ended', async () => {
    const splunkd = scene.client();
    await splunkd.serverRoles(scene.stop.signal);
    scene.port.faults.expired = true;
    scene.put('prod', TYPED);
    expect(await failure(scene.resolve('prod', splunkd))).toContain('KINLOG_SESSION_ENDED');
  });

  it('is used after a while though splunkd does not answer', async () => {
    const clock = new FakeClock();
    scene.put('prod', TYPED);
    scene.port.faults.outage = true;
    let found: unknown;
    void scene.resolve('prod', scene.client({ clock })).then((secrets) => (found = secrets));
    await clock.until(() => found !== undefined);
    expect(found).toEqual({ aws: KEYS });
    expect(names()).toEqual(['splunkd.waited', 'secret.unmasked']);
  });
});

describe('a mask', () => {
  it('without a stored secret, as a clone has it, is an error that says to type it again', async () => {
    scene.put('prod', TYPED);
    await scene.resolve('prod');
    scene.put('clone', { ...TYPED, aws_secret_access_key: MASK });
    expect(await failure(scene.resolve('clone'))).toMatch(
      /aws_secret_access_key of clone holds a mask.*KINLOG_SECRET_UNUSABLE.*Type the secret into aws_secret_access_key again/,
    );
  });

  it('of an option that is not in use is not looked for', async () => {
    scene.put('prod', { aws_credential: 'reader' });
    store(REALMS.aws, 'reader', JSON.stringify(KEYS));
    expect(await scene.resolve('prod')).toEqual({ aws: KEYS });
    expect(scene.port.calls).toHaveLength(1);
  });
});

it('a look at the secrets changes nothing', async () => {
  scene.put('prod', TYPED);
  const stanza = scene.stanza('prod');
  const look = {
    stanza,
    options: parseStanzaOptions(stanza.params),
    splunkd: scene.client(),
    signal: scene.stop.signal,
  };
  expect(await readSecrets(look)).toEqual({ aws: KEYS });
  expect([scene.edits, scene.port.calls]).toEqual([[], []]);
});
