/** What the set-up page asks the input and splunkd, and what it tells of their answers. */
import { describe, expect, it } from 'vitest';
import { FakeHec, TOKEN } from '../../fakes/hec/hec.ts';
import { REALMS } from '../../../splunk-app/input/stored.ts';
import { STREAM } from '../splunkd/scene.ts';
import { addKey, KEY_ID, SECRET_KEY, setupScene } from './setup-scene.ts';

const scene = setupScene();

describe('a test of the connection', () => {
  const choose = (id: string, value: string) => scene.setup.page.select(`#kl-${id}`, value);

  it('asks the input itself and tells that all is well, with key and collector', async () => {
    const hec = new FakeHec();
    const { url } = await hec.open();
    scene.put(REALMS.hec, 'collector', TOKEN);
    scene.put(REALMS.aws, 'key', JSON.stringify({ accessKeyId: KEY_ID, secretAccessKey: SECRET_KEY }));
    await scene.setup.open();
    await scene.setup.fill({
      'test-stream': STREAM,
      'test-region': 'us-east-1',
      'test-endpoint': scene.endpoint,
      'test-hec-url': url,
    });
    await choose('test-credential', 'key');
    await choose('test-hec-token', 'collector');
    await scene.setup.press('Test connection');
    await scene.setup.said('The connection works.');
    await scene.setup.picture('test-good');
    expect([...scene.host.inputs.stanzas.keys()]).toEqual([]);
    expect(scene.host.runs).toEqual([]);
    await hec.close();
  });

  it('shows what the input says, as text, and leaves nothing behind', async () => {
    await scene.setup.fill({ 'test-stream': 'no<b>such', 'test-region': 'us-east-1' });
    await scene.setup.press('Test connection');
    await scene.setup.said('stream_name is "no<b>such" but must be');
    expect(await scene.setup.page.evaluate("document.querySelectorAll('.kl-notice b').length")).toBe(0);
    await scene.setup.fill({ 'test-stream': 'nosuch', 'test-endpoint': scene.endpoint });
    await scene.setup.press('Test connection');
    await scene.setup.said('nosuch');
    await scene.setup.until("!document.querySelector('#kinloader-setup').innerText.includes('Trying to connect')");
    expect(await scene.setup.page.evaluate("document.body.innerText.includes('check_connection')")).toBe(false);
    await scene.setup.picture('test-bad');
    expect([...scene.host.inputs.stanzas.keys()]).toEqual([]);
  });

  it('first removes what a page that was left half-way has left, and so does opening the page', async () => {
    const stale = { disabled: '1', stream_name: 'stale' };
    scene.host.inputs.stanzas.set('kinesis_log/kinloader_connection_test', stale);
    await scene.setup.open();
    expect(await scene.setup.text()).not.toContain('stale');
    expect([...scene.host.inputs.stanzas.keys()]).toEqual([]);
    scene.host.inputs.stanzas.set('kinesis_log/kinloader_connection_test', stale);
    await scene.setup.fill({ 'test-stream': STREAM, 'test-region': 'us-east-1', 'test-endpoint': scene.endpoint });
    await scene.setup.press('Test connection');
    await scene.setup.said('The connection works.');
    expect([...scene.host.inputs.stanzas.keys()]).toEqual([]);
  });

  it('could read nothing even if splunkd enabled its input', async () => {
    await scene.setup.fill({ 'test-stream': STREAM, 'test-region': 'us-east-1', 'test-endpoint': scene.endpoint });
    await scene.setup.press('Test connection');
    await scene.setup.said('The connection works.');
    const create = scene.setup.web.requests.find(({ method }) => method === 'POST')!;
    expect(Object.fromEntries(new URLSearchParams(create.body))).toMatchObject({
      disabled: '1',
      initial_position: 'STORED',
    });
  });
});

describe('what goes wrong is told in words', () => {
  it('a role without the capability to see secrets', async () => {
    scene.setup.web.splunkd.faults.denied.add('list_storage_passwords');
    await scene.setup.open();
    await scene.setup.said('capability list_storage_passwords');
    expect(await scene.setup.text()).not.toMatch(/No (access key|HEC token|proxy) is stored/);
  });

  it('a role without the capability to store them', async () => {
    scene.setup.web.splunkd.faults.denied.add('edit_storage_passwords');
    await addKey(scene, 'production');
    await scene.setup.said('capability edit_storage_passwords');
    expect(scene.stored(REALMS.aws, 'production')).toBeUndefined();
  });

  it('a session that is over, and what was typed stays', async () => {
    await scene.setup.press('Add access key');
    await scene.setup.fill({ 'aws-name': 'production', 'aws-key-id': KEY_ID, 'aws-secret-key': SECRET_KEY });
    scene.setup.web.endSessions();
    await scene.setup.press('Store');
    await scene.setup.said('Your session has ended');
    expect(await scene.setup.page.evaluate("document.getElementById('kl-aws-secret-key').value.length")).toBe(
      SECRET_KEY.length,
    );
  });

  it('a splunkd that is starting', async () => {
    scene.setup.web.splunkd.faults.refuse(1, 503, 'Server is starting');
    await addKey(scene, 'production');
    await scene.setup.said('Try again in a minute');
    await scene.setup.press('Store');
    await scene.setup.said('Stored production.');
  });

  it('a Splunk Web that is away', async () => {
    await scene.setup.press('Add HEC token');
    await scene.setup.fill({ 'hec-name': 'collector', 'hec-token': TOKEN });
    await scene.setup.web.close();
    await scene.setup.press('Store');
    await scene.setup.said('Splunk Web does not answer');
  });

  it('a secret that somebody else has removed meanwhile', async () => {
    scene.put(REALMS.hec, 'collector');
    await scene.setup.open();
    await scene.setup.press('Replace collector');
    await scene.setup.fill({ 'hec-token': TOKEN });
    scene.setup.web.splunkd.faults.refuse(1, 404, 'Could not find object');
    await scene.setup.press('Replace');
    await scene.setup.said('somebody else has removed it');
  });
});
