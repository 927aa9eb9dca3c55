/** Secrets typed into the set-up page, in a real browser: what is stored is what the input reads, and they are nowhere else. */
import { describe, expect, it } from 'vitest';
import { TOKEN } from '../../fakes/hec/hec.ts';
import { parseAccessKey, parseProxy, parseToken, REALMS } from '../../../splunk-app/input/stored.ts';
import { addKey, KEY_ID, SECRET_KEY, setupScene } from './setup-scene.ts';

const PROXY_PASSWORD = 'p@ss:w/ör d"<%';

const scene = setupScene();

describe('an access key', () => {
  it('is added as the input reads it', async () => {
    await addKey(scene, 'production');
    await scene.setup.said('Stored production.');
    expect(parseAccessKey(scene.stored(REALMS.aws, 'production') ?? '', 'production')).toEqual({
      accessKeyId: KEY_ID,
      secretAccessKey: SECRET_KEY,
    });
    expect(await scene.setup.text()).toMatch(/production\s+no input\s+Replace/);
  });

  it('is replaced under its name', async () => {
    scene.put(REALMS.aws, 'production', '{}');
    await scene.setup.open();
    await scene.setup.press('Replace production');
    await scene.setup.fill({ 'aws-key-id': KEY_ID, 'aws-secret-key': SECRET_KEY });
    await scene.setup.press('Replace');
    await scene.setup.said('Replaced production.');
    expect(parseAccessKey(scene.stored(REALMS.aws, 'production') ?? '', '').accessKeyId).toBe(KEY_ID);
  });

  it('is removed after a question that tells who uses it', async () => {
    scene.put(REALMS.aws, 'production');
    scene.host.inputs.stanzas.set('kinesis_log/prod', {
      disabled: '1',
      stream_name: 's',
      aws_credential: 'production',
    });
    await scene.setup.open();
    await scene.setup.press('Remove production');
    expect(await scene.setup.text()).toContain('It is used by prod');
    await scene.setup.press('Keep it');
    expect(scene.stored(REALMS.aws, 'production')).toBeDefined();
    // The page has a row and a question of that name; the question is the one below.
    await scene.setup.press('Remove production');
    await scene.setup.page.evaluate("document.querySelector('.kl-danger').click()");
    await scene.setup.said('Removed production.');
    expect(scene.stored(REALMS.aws, 'production')).toBeUndefined();
  });

  it.each([
    ['aws-key-id', 'ASIAIOSFODNN7EXAMPLE', 'of a session'],
    ['aws-key-id', 'akia', '16 to 128'],
    ['aws-secret-key', '********', 'not the mask'],
    ['aws-secret-key', 'with blank', 'no blanks'],
    ['aws-name', 'a b', '1 to 64 letters'],
    ['aws-name', '<script>alert(1)</script>', '1 to 64 letters'],
    ['aws-name', 'x'.repeat(65), '1 to 64 letters'],
  ])('that is wrong is not sent: %s %s', async (id, value, reason) => {
    const before = scene.setup.web.requests.length;
    await scene.setup.press('Add access key');
    await scene.setup.fill({ 'aws-name': 'good', 'aws-key-id': KEY_ID, 'aws-secret-key': SECRET_KEY, [id]: value });
    await scene.setup.press('Store');
    expect(await scene.setup.text(`#kl-${id}-fault`)).toContain(reason);
    expect(await scene.setup.page.evaluate('document.activeElement.id')).toBe(`kl-${id}`);
    expect(scene.setup.web.requests.length).toBe(before);
  });

  it('of a name that is taken is not overwritten, neither one that the page shows nor one of a moment ago', async () => {
    scene.put(REALMS.aws, 'shown', 'kept');
    await scene.setup.open();
    scene.put(REALMS.aws, 'new', 'kept');
    await addKey(scene, 'shown');
    expect(await scene.setup.text('#kl-aws-name-fault')).toContain('stored already');
    await scene.setup.press('Cancel');
    await addKey(scene, 'new');
    await scene.setup.said('new is stored already');
    expect([scene.stored(REALMS.aws, 'shown'), scene.stored(REALMS.aws, 'new')]).toEqual(['kept', 'kept']);
  });
});

describe('tokens and proxies', () => {
  it('are added as the input reads them', async () => {
    await scene.setup.press('Add HEC token');
    await scene.setup.fill({ 'hec-name': 'collector', 'hec-token': TOKEN });
    await scene.setup.press('Store');
    await scene.setup.said('Stored collector.');
    expect(parseToken(scene.stored(REALMS.hec, 'collector') ?? '', 'collector')).toBe(TOKEN);
    await scene.setup.press('Add proxy');
    await scene.setup.fill({
      'proxy-name': 'exit',
      'proxy-address': 'http://proxy.example.com:3128',
      'proxy-user': 'né@us',
      'proxy-password': PROXY_PASSWORD,
    });
    await scene.setup.press('Store');
    await scene.setup.said('Stored exit.');
    const { host: address, username, password } = new URL(parseProxy(scene.stored(REALMS.proxy, 'exit') ?? '', 'exit'));
    expect([address, decodeURIComponent(username), decodeURIComponent(password)]).toEqual([
      'proxy.example.com:3128',
      'né@us',
      PROXY_PASSWORD,
    ]);
  });

  it.each(['proxy.example.com:3128', 'ftp://proxy', 'http://user:word@proxy:3128', 'http://proxy:3128/path', ''])(
    'an address that is none of a proxy is not sent: %s',
    async (address) => {
      await scene.setup.press('Add proxy');
      await scene.setup.fill({ 'proxy-name': 'p', 'proxy-user': 'u', 'proxy-password': 'w', 'proxy-address': address });
      await scene.setup.press('Store');
      expect(await scene.setup.text('#kl-proxy-address-fault')).not.toBe('');
      expect(scene.stored(REALMS.proxy, 'p')).toBeUndefined();
    },
  );
});

describe('a secret', () => {
  it('is in no part of the page, no address, no store of the browser and no answer once it is sent', async () => {
    scene.put(REALMS.aws, 'older', 'topsecret-older');
    scene.host.inputs.stanzas.set('kinesis_log/prod', {
      disabled: '1',
      stream_name: 's',
      hec_token: 'topsecret-typed',
    });
    await scene.setup.open();
    await addKey(scene, 'production');
    await scene.setup.said('Stored production.');
    const answers = scene.setup.web.requests.filter(({ method }) => method === 'GET').map(({ answer }) => answer);
    const seen = [await scene.setup.everything(), ...answers].join('\n');
    for (const secret of [SECRET_KEY, 'MDENG', 'topsecret']) expect(seen).not.toContain(secret);
    expect(scene.setup.web.requests.map(({ url }) => url).join('\n')).not.toContain('MDENG');
  });

  it('is typed where nobody reads it and no browser offers to remember it, and is gone when the form is left', async () => {
    await scene.setup.press('Add access key');
    await scene.setup.fill({ 'aws-secret-key': SECRET_KEY });
    expect(
      await scene.setup.page.evaluate(
        `(({ type, autocomplete }) => [type, autocomplete])(document.getElementById('kl-aws-secret-key'))`,
      ),
    ).toEqual(['password', 'new-password']);
    await scene.setup.page.keyboard.press('Escape');
    await scene.setup.until("document.getElementById('kl-aws-secret-key') === null");
    expect(await scene.setup.everything()).not.toContain('MDENG');
  });

  it.each([
    ['as it is', SECRET_KEY],
    ['in JSON', JSON.stringify({ secretAccessKey: SECRET_KEY })],
    ['as a form', new URLSearchParams({ password: SECRET_KEY }).toString()],
    ['in an address', encodeURIComponent(SECRET_KEY)],
  ])('is cut out of what splunkd says about it: %s', async (_, echoed) => {
    scene.setup.web.splunkd.faults.refuse(1, 500, `can not store ${echoed}`);
    await addKey(scene, 'production');
    await scene.setup.said('can not store');
    expect(await scene.setup.text('.kl-form .kl-notice')).not.toContain('MDENG');
  });
});
