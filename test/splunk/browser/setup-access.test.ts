/** What the set-up page shows and to whom: hostile names, other paths, the keyboard alone, themes, narrow screens. */
import { describe, expect, it } from 'vitest';
import { APP_ID, REALMS } from '../../../splunk-app/input/stored.ts';
import { addKey, KEY_ID, SECRET_KEY, setupScene } from './setup-scene.ts';

const scene = setupScene();

describe('names from elsewhere', () => {
  it('are text, whatever they hold', async () => {
    const hostile = `<img src=x onerror="document.title='owned'">'"&:\\ü`;
    scene.put(REALMS.aws, hostile);
    scene.host.inputs.stanzas.set(`kinesis_log/${hostile}`, {
      disabled: '1',
      stream_name: hostile,
      aws_credential: hostile,
    });
    await scene.setup.open();
    expect(await scene.setup.text()).toContain(hostile);
    expect(await scene.setup.page.evaluate("document.querySelectorAll('#kinloader-setup img').length")).toBe(0);
    expect(await scene.setup.page.evaluate('document.title')).not.toBe('owned');
    await scene.setup.press(`Remove ${hostile}`);
    await scene.setup.page.evaluate("document.querySelector('.kl-danger').click()");
    await scene.setup.said('Removed <img');
    expect(scene.stored(REALMS.aws, hostile)).toBeUndefined();
  });

  it('of another app or another realm are not shown', async () => {
    scene.host.splunkd.passwords.put('other', REALMS.aws, 'of-another-app', 's');
    scene.put('another_realm', 'of-another-realm');
    scene.put(REALMS.input, 'prod.hec_token');
    await scene.setup.open();
    expect(await scene.setup.text()).not.toMatch(/of-another|prod\.hec/);
  });

  it('are shown, however many there are', async () => {
    for (let n = 0; n < 45; n++) scene.put(REALMS.hec, `token-${n}`);
    await scene.setup.open();
    expect(await scene.setup.page.evaluate(`document.querySelectorAll('[aria-label^="Replace token-"]').length`)).toBe(
      45,
    );
  });
});

describe('the rest of the page', () => {
  it('lists the inputs with their state, and leads to their forms', async () => {
    scene.host.inputs.stanzas.set('kinesis_log/on', {
      disabled: '1',
      stream_name: 'logs-a',
      aws_region: 'eu-central-1',
    });
    await scene.setup.open();
    expect(await scene.setup.text()).toMatch(/on\s+logs-a\s+eu-central-1\s+Disabled/);
    const links = await scene.setup.page.evaluate(
      "[...document.querySelectorAll('#kinloader-setup a')].map((one) => one.getAttribute('href'))",
    );
    expect(links).toEqual([
      expect.stringMatching(/^\/en-US\/manager\/kinloader\/data\/inputs\/kinesis_log\/on\?action=edit&/),
      '/en-US/manager/kinloader/data/inputs/kinesis_log/_new?action=edit&ns=kinloader',
      '/en-US/manager/kinloader/data/inputs/kinesis_log',
    ]);
  });

  it('finishes the set-up', async () => {
    await scene.setup.press('Finish set-up');
    await scene.setup.said('Set-up is finished');
    expect([...scene.host.splunkd.configured]).toEqual([APP_ID]);
  });

  it('works below a root endpoint and in another language', async () => {
    await scene.visit({ root: '/splunk', locale: 'de-DE' });
    await addKey(scene, 'production');
    await scene.setup.said('Stored production.');
    expect(scene.setup.web.requests.every(({ url }) => url.startsWith('/splunk/de-DE/splunkd/__raw/servicesNS/'))).toBe(
      true,
    );
    expect(scene.setup.web.unknown).toEqual([]);
  });

  it('asks nobody but its own Splunk Web, and for nothing that is not there', async () => {
    const asked = scene.setup.traces.filter((one) => one.startsWith('request: '));
    expect(asked.filter((one) => !one.startsWith(`request: ${scene.setup.web.origin}/`))).toEqual([]);
    expect(scene.setup.traces.filter((one) => !one.startsWith('request: '))).toEqual([]);
    expect(scene.setup.web.unknown).toEqual([]);
  });
});

describe('whoever can not use a mouse or see the page', () => {
  it('adds a key with the keyboard alone, and is brought back to where it began', async () => {
    const { keyboard } = scene.setup.page;
    const focused = () => scene.setup.page.evaluate('document.activeElement.textContent || document.activeElement.id');
    for (let n = 0; n < 20 && (await focused()) !== 'Add access key'; n++) await keyboard.press('Tab');
    await keyboard.press('Enter');
    for (const [id, text] of [
      ['kl-aws-name', 'production'],
      ['kl-aws-key-id', KEY_ID],
      ['kl-aws-secret-key', SECRET_KEY],
    ] as const) {
      expect(await focused()).toBe(id);
      await keyboard.type(text);
      if (id !== 'kl-aws-secret-key') await keyboard.press('Tab');
    }
    await keyboard.press('Enter');
    await scene.setup.said('Stored production.');
    expect(scene.stored(REALMS.aws, 'production')).toBeDefined();
    expect(await focused()).toBe('Add access key');
  });

  it('finds a name, a help and a fault for every field, and hears what happens', async () => {
    for (const add of ['Add access key', 'Add HEC token', 'Add proxy']) await scene.setup.press(add);
    const faults = await scene.setup.page
      .evaluate(`[...document.querySelectorAll('#kinloader-setup :is(input, select)')].filter((one) =>
      one.labels.length !== 1 || one.getAttribute('aria-describedby').split(' ').some((id) => document.getElementById(id) === null)
    ).map((one) => one.id)`);
    expect(faults).toEqual([]);
    const ids = (await scene.setup.page.evaluate(
      "[...document.querySelectorAll('[id]')].map((one) => one.id)",
    )) as string[];
    expect(new Set(ids).size).toBe(ids.length);
    expect(
      await scene.setup.page.evaluate(
        "[...document.querySelectorAll('.kl-notice')].every((one) => one.getAttribute('aria-live') === 'polite')",
      ),
    ).toBe(true);
  });

  it.each(['light', 'dark'] as const)('reads text with a contrast of 4.5 to 1 at least: %s', async (theme) => {
    scene.put(REALMS.aws, 'production');
    scene.host.inputs.stanzas.set('kinesis_log/prod', {
      disabled: '1',
      stream_name: 'logs',
      aws_credential: 'production',
    });
    await scene.visit({ theme });
    await scene.setup.press('Add access key');
    await scene.setup.press('Store');
    await scene.setup.picture(`setup-${theme}`);
    expect(await scene.setup.page.evaluate(LOW_CONTRAST)).toEqual([]);
  });

  it('can read long names beside each other', async () => {
    const name = 'x'.repeat(64);
    scene.put(REALMS.aws, name);
    for (let n = 0; n < 5; n++)
      scene.host.inputs.stanzas.set(`kinesis_log/${n}${'y'.repeat(80)}`, {
        disabled: '1',
        stream_name: `arn:aws:kinesis:eu-central-1:123456789012:stream/${'s'.repeat(100)}`,
        aws_credential: name,
      });
    await scene.setup.open();
    const narrow = await scene.setup.page.evaluate(
      "[...document.querySelectorAll('.kl-table td')].map((one) => one.clientWidth).filter((width) => width < 120)",
    );
    expect(narrow).toEqual([]);
  });

  it('has the whole page on a narrow screen', async () => {
    scene.put(REALMS.aws, 'x'.repeat(64));
    await scene.visit({ width: 360 });
    await scene.setup.press('Add access key');
    await scene.setup.picture('setup-narrow');
    expect(await scene.setup.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  });
});

/** WCAG 2.2, 1.4.3: texts of the page whose colour is too near to what lies behind them. */
const LOW_CONTRAST = `(() => {
  const parts = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const behind = (one) => {
    const colour = parts(getComputedStyle(one).backgroundColor);
    return colour[3] === 0 ? behind(one.parentElement) : colour;
  };
  return [...document.querySelectorAll('#kinloader-setup *')]
    .filter((one) => one.offsetParent !== null && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ''))
    .map((one) => {
      const [a, b] = [light(parts(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
      return [one.textContent, Math.round(((a + 0.05) / (b + 0.05)) * 10) / 10];
    })
    .filter(([, ratio]) => ratio < 4.5);
})()`;
