/** Secrets of the packaged input: moved out of inputs.conf by its first run, and nowhere to be seen afterwards. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeHec } from '../fakes/hec/hec.ts';
import type { SplunkHost } from './splunkd/host.ts';
import { splunkScene } from './splunkd/scene.ts';

const scene = splunkScene();

const KEY_ID = 'AKIATYPEDTYPEDTYPED1';
const SECRET = 'topsecret/typed+secret=of-the-key';
const TYPED = { aws_access_key_id: KEY_ID, aws_secret_access_key: SECRET };
const MASK = '********';
const EDIT = 'edit kinesis_log/prod';

const stanza = (host: SplunkHost) => host.inputs.stanzas.get('kinesis_log/prod')!;
const stored = (host: SplunkHost, option = 'aws_secret_access_key') =>
  host.splunkd.passwords.clear('kinloader', 'kinloader_input', `prod.${option}`);

/** Everything that an input may have written below $SPLUNK_HOME. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile());
}

/** Places where `secret` can be read: files, outputs, and what the system tells everybody about the process. */
function placesOf(host: SplunkHost, secret: string): string[] {
  const forms = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64').slice(0, -4)];
  const holds = (text: string) => forms.some((form) => text.includes(form));
  const proc = ['cmdline', 'environ'].map((name) => `/proc/${host.current().pid}/${name}`).filter(existsSync);
  const written = [...filesBelow(host.home), ...proc].filter((file) => holds(readFileSync(file, 'latin1')));
  const said = host.runs.filter(({ input }) => holds(input.stdout + input.stderr)).map(() => 'stdout or stderr');
  return [...written, ...said];
}

describe('a secret typed into the form', () => {
  it('is moved by the first run and by no other, and the stream is read with it from its place', async () => {
    scene.current.fake.settings.accessKeys = new Set([KEY_ID]);
    const host = await scene.current.host();
    await host.create('prod', scene.current.settings(TYPED));
    scene.current.put(50);
    await scene.current.until(() => host.runs.length === 2, 'splunkd starts the input anew');
    expect(stanza(host)['aws_secret_access_key']).toBe(MASK);
    expect(stored(host)).toBe(SECRET);
    scene.current.put(50);
    await scene.current.delivered();
    expect(scene.current.repeated).toBe(0);
    await host.disable('prod');
    await host.enable('prod');
    scene.current.put(50);
    await scene.current.delivered();
    expect(host.inputs.happened.filter((what) => what === EDIT)).toHaveLength(4);
    expect(host.runs).toHaveLength(3);
    expect(host.said(/secret\.stored/)).toHaveLength(1);
    expect(host.said(/^(WARN|ERROR)/)).toEqual([]);
    expect(placesOf(host, SECRET)).toEqual([]);
  });

  it('is not lost when the input is killed before it could mask it, and masked by the next run', async () => {
    const host = await scene.current.host();
    // Between what happens and its answer there is time to kill.
    host.faults.delayMs = 600;
    await host.create('prod', scene.current.settings(TYPED));
    await scene.current.until(() => stored(host) !== undefined, 'the secret is stored');
    host.current().child.kill('SIGKILL');
    await host.current().gone;
    expect(stanza(host)['aws_secret_access_key']).toBe(SECRET);
    host.faults.delayMs = 0;
    scene.current.put(20);
    await scene.current.until(() => host.runs.length === 3, 'the second run masks, and the third begins');
    await scene.current.delivered();
    expect(stanza(host)['aws_secret_access_key']).toBe(MASK);
    expect(stored(host)).toBe(SECRET);
    expect(host.inputs.happened).toEqual([EDIT, EDIT]);
    expect(host.runs).toHaveLength(3);
  });

  it('that can not be moved is an error once, and the stream is read all the same by one process', async () => {
    const host = await scene.current.host();
    host.faults.denied.add('edit_storage_passwords');
    host.faults.echo = true;
    await host.create('prod', scene.current.settings(TYPED));
    scene.current.put(20);
    await scene.current.delivered();
    expect(host.runs).toHaveLength(1);
    expect(host.said(/^ERROR secret\.unmasked.*capability edit_storage_passwords/)).toHaveLength(1);
    expect(placesOf(host, SECRET)).toEqual([]);
  });

  it('over the mask takes the place of the old one', async () => {
    const host = await scene.current.host();
    await host.create('prod', scene.current.settings({ ...TYPED, aws_secret_access_key: 'topsecret-of-last-year' }));
    await scene.current.until(() => host.runs.length === 2, 'the old one is masked');
    await host.edit('prod', { aws_secret_access_key: SECRET });
    await scene.current.until(() => stanza(host)['aws_secret_access_key'] === MASK, 'the new one is masked');
    expect(stored(host)).toBe(SECRET);
    scene.current.put(5);
    await scene.current.delivered();
    // Saved in the form without a change.
    expect((await host.edit('prod', stanza(host))).status).toBe(200);
    scene.current.put(5);
    await scene.current.delivered();
    expect(stored(host)).toBe(SECRET);
  });

  it('does not come along to a clone, whose run says to type it again and does not repeat that at once', async () => {
    const host = await scene.current.host();
    await host.create('prod', scene.current.settings(TYPED));
    await scene.current.until(() => host.runs.length === 2, 'the secret is masked');
    await host.create('clone', { ...stanza(host) });
    await scene.current.until(() => host.said(/aws_secret_access_key of clone holds a mask/).length > 0, 'the error');
    expect(host.said(/KINLOG_SECRET_UNUSABLE.*Type the secret/)).toHaveLength(1);
    expect(host.runsOf('clone')).toHaveLength(1);
  });
});

describe('secrets that are refused', () => {
  it('are in no message, neither of AWS nor of HEC nor of splunkd', async () => {
    const hec = new FakeHec();
    const collector = await hec.open();
    try {
      scene.current.fake.settings.accessKeys = new Set(['AKIAOTHEROTHEROTHER1']);
      const host = await scene.current.host();
      host.faults.echo = true;
      const put = (realm: string, name: string, secret: string) =>
        host.splunkd.passwords.put('kinloader', realm, name, secret);
      put('kinloader_aws', 'reader', JSON.stringify({ accessKeyId: KEY_ID, secretAccessKey: SECRET }));
      put('kinloader_hec', 'collector', 'topsecret-token');
      const named = scene.current.settings({
        aws_credential: 'reader',
        output: 'hec',
        hec_url: collector.url,
        hec_credential: 'collector',
      });
      await host.create('prod', named);
      await scene.current.until(() => host.said(/KINLOG_CREDENTIALS_REFUSED/).length > 0, 'AWS refuses the key');
      const { message } = await host.create('second', { ...named, check_connection: '1' });
      expect(message).toMatch(/aws_credential: .*KINLOG_CREDENTIALS_REFUSED/);
      expect(message).toMatch(/hec_credential: .*HEC code 4/);
      expect(message).not.toMatch(/topsecret/);
      scene.current.fake.settings.accessKeys = undefined;
      scene.current.put(5);
      await host.edit('prod', { idle_ms: '300' });
      await scene.current.until(() => collector.calls.length > 2, 'HEC refuses the token');
      for (const secret of [SECRET, 'topsecret-token']) expect(placesOf(host, secret)).toEqual([]);
    } finally {
      await hec.close();
    }
  });
});
