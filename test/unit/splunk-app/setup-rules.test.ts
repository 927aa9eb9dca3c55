/** The set-up page takes what the input takes, and calls it by the same names. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STORED_NAME } from '../../../splunk-app/input/option-types.ts';
import { OPTIONS, SCHEME } from '../../../splunk-app/input/options.ts';
import { MASK } from '../../../splunk-app/input/stanza.ts';
import { APP_ID, parseAccessKey, parseProxy, parseToken, REALMS } from '../../../splunk-app/input/stored.ts';
import { snake } from '../../../base/config.ts';

interface Kind {
  readonly realm: string;
  readonly option: string;
  readonly fields: readonly { readonly id: string; readonly check: (value: string) => string }[];
  readonly password: (values: readonly string[]) => string;
}

/** Plain JavaScript, for a browser. */
const load = (file: string): Promise<unknown> => import(`../../../splunk-app/setup/${file}.js`);
const { KINDS, nameFault } = (await load('kinds')) as {
  KINDS: readonly Kind[];
  nameFault: (name: string) => string;
};
const fieldsOf = (realm: string): Kind['fields'] => KINDS.find((kind) => kind.realm === realm)!.fields;
const [keyId, secretKey] = fieldsOf(REALMS.aws) as [Kind['fields'][0], Kind['fields'][0]];
const [token] = fieldsOf(REALMS.hec) as [Kind['fields'][0]];
const [address] = fieldsOf(REALMS.proxy) as [Kind['fields'][0]];
const passwordOf = (realm: string, ...values: string[]): string =>
  KINDS.find((kind) => kind.realm === realm)!.password(values);

/** Texts near to what is meant, and far from it. */
const near = fc.oneof(
  fc.string({
    unit: fc.constantFrom('A', 'K', 'Z', '0', '9', 'a', '_', '-', '.', '/', ' ', '*', 'ü', '\n'),
    maxLength: 210,
  }),
  fc.stringMatching(/^[A-Z0-9]{14,18}$/),
  fc.stringMatching(/^[\x21-\x7e]{6,10}$/),
  fc.stringMatching(/^[a-zA-Z0-9_.-]{62,66}$/),
  fc.string({ maxLength: 20 }),
);

const PARAMETERS = { numRuns: 2000 };

describe('what the page refuses is what the input refuses', () => {
  const accepted = (check: (value: string) => string, value: string) => check(value) === '';
  it.each([
    ['a name', nameFault, (value: string) => STORED_NAME.test(value)],
    // A key of a session would end within hours, so the page is stricter there.
    ['an access key ID', keyId.check, (value: string) => isOf('awsAccessKeyId', value) && !value.startsWith('ASIA')],
    // Splunk shows a mask in the place of a secret; the input would take it for one, or for a part of one.
    [
      'a secret access key',
      secretKey.check,
      (value: string) => isOf('awsSecretAccessKey', value) && !value.includes('****'),
    ],
    ['a token', token.check, (value: string) => isOf('hecToken', value) && !value.includes('****')],
  ] as const)('%s', (_, check, taken) => {
    fc.assert(
      fc.property(near, (value) => {
        expect([value, accepted(check, value)]).toEqual([value, taken(value)]);
      }),
      PARAMETERS,
    );
  });

  it('never takes the mask for a secret', () => {
    for (const { check } of [secretKey, token]) expect(check(MASK)).not.toBe('');
  });
});

const isOf = (name: 'awsAccessKeyId' | 'awsSecretAccessKey' | 'hecToken', value: string): boolean =>
  // A stanza's values come without the blanks at their ends; the page takes none of them.
  OPTIONS[name].type.schema.safeParse(value).success;

describe('what the page makes of what is typed', () => {
  it('is read by the input', () => {
    fc.assert(
      fc.property(near, near, near, (id, secret, word) => {
        if (keyId.check(id) === '' && secretKey.check(secret) === '')
          expect(parseAccessKey(passwordOf(REALMS.aws, id, secret), 'n')).toEqual({
            accessKeyId: id,
            secretAccessKey: secret,
          });
        if (token.check(word) === '') expect(parseToken(passwordOf(REALMS.hec, word), 'n')).toBe(word);
        const proxy = new URL(parseProxy(passwordOf(REALMS.proxy, 'http://proxy:3128', id, word), 'n'));
        expect([proxy.host, decodeURIComponent(proxy.username), decodeURIComponent(proxy.password)]).toEqual([
          'proxy:3128',
          id,
          word,
        ]);
      }),
      PARAMETERS,
    );
  });

  it('keeps the address of a proxy, whatever its form', () => {
    for (const text of ['http://proxy:3128', 'https://[::1]:8443/', 'HTTP://Proxy.example.com']) {
      expect(address.check(text)).toBe('');
      expect(new URL(passwordOf(REALMS.proxy, text, 'u', 'w')).host).toBe(new URL(text).host);
    }
  });
});

describe('the names by which page and input find each other', () => {
  it('are the same', async () => {
    expect(KINDS.map(({ realm }) => realm)).toEqual([REALMS.aws, REALMS.hec, REALMS.proxy]);
    const options = Object.keys(OPTIONS).map(snake);
    expect(KINDS.filter(({ option }) => !options.includes(option))).toEqual([]);
  });

  it('are the same for app and scheme', async () => {
    Object.assign(globalThis, { window: { location: { pathname: '/en-US/app/kinloader/setup', port: '' } } });
    expect(await load('splunkd')).toMatchObject({ APP: APP_ID, SCHEME });
  });
});
