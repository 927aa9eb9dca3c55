/** Every field of the form, empty, too long, of the wrong type and hostile, as splunkd hands it to validation. The list of fields is the option table. */
import { describe, expect, it } from 'vitest';
import { snake, type Option } from '../../base/config.ts';
import { EventLog } from '../../base/events.ts';
import { OPTIONS } from '../../splunk-app/input/options.ts';
import { validate } from '../../splunk-app/input/validate.ts';
import { itemsXml } from './driver.ts';
import { messageIn } from './splunkd/answers.ts';
import { SIDE_BY_SIDE, splunkScenes } from './splunkd/scene.ts';

const inScene = splunkScenes();
const GOOD = { stream_name: 'access-logs', aws_region: 'eu-central-1' };
const FIELDS = (Object.entries(OPTIONS) as [string, Option<unknown>][]).map(
  ([name, option]) => [snake(name), option] as const,
);

const NUMBERS = ['ten', '-1', '1.5', '0x10', '1e3', 'NaN', 'Infinity', '9'.repeat(15), '9'.repeat(400), '٣', '1 000'];
const FLAGS = ['maybe', '2', '-', 'truefalse'];
const CHOICES = ['none of these', 'constructor', '__proto__', '0'];
const TEXTS = ['two words', 'ünïcödé \u202e', 'a\tb'];
/** For a page, a shell, a query, a file system, a parser. */
const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'; DROP TABLE inputs; --",
  '$(touch /tmp/owned) `id`',
  'a\nERROR forged line\nb',
  ']]></message><message>all is well',
  '&lt;&#0;&unknown;',
  '{"$gt": ""}',
  '%00%0d%0aSet-Cookie: a=b',
  '| delete index=*',
  '\u{1F4A9}'.repeat(50),
];
const LONG = 'a'.repeat(70_000);
const LONG_URL = `https://${LONG}.example.com`;
const KINDS = { number: NUMBERS, boolean: FLAGS } as const;

const wrong = ({ type }: Option<unknown>): readonly string[] => {
  if (type.kind !== 'string') return KINDS[type.kind];
  return type.choices === undefined ? TEXTS : CHOICES;
};

/** What the form shows; empty when it is saved. */
async function shown(params: Readonly<Record<string, string>>): Promise<string> {
  const answer = await validate(itemsXml(params), { log: new EventLog(() => undefined) });
  return answer === '' ? '' : messageIn(answer)!;
}

describe.each(FIELDS)('%s', (name, option) => {
  it('may be empty, or blank, unless it is needed', async () => {
    for (const value of ['', ' ', '\t\n'])
      expect(await shown({ ...GOOD, [name]: value })).toMatch(
        name in GOOD ? new RegExp(`\\b${name} is missing`) : /^$/,
      );
  });

  it('is refused by its name when it is of the wrong type or too long', async () => {
    const passed = await those([...wrong(option), LONG, LONG_URL], (message) => !refusalOf(name).test(message));
    expect(passed).toEqual([]);
  });

  it('is refused by its name when it is hostile, and shown in one short line without what is secret', async () => {
    const secret = option.secret === true;
    const passed = await those(HOSTILE, (message) => !refusalOf(name).test(message));
    expect(passed).toEqual(secret ? passed.filter((value) => !/\s/.test(value)) : []);
    expect(
      await those(HOSTILE, (message, value) => message.length > 1000 || (secret && message.includes(value))),
    ).toEqual([]);
  });

  const those = async (values: readonly string[], holds: (message: string, value: string) => boolean) => {
    const messages = await Promise.all(values.map((value) => shown({ ...GOOD, [name]: value })));
    return values.filter((value, i) => holds(messages[i]!, value));
  };
});

const refusalOf = (name: string) => new RegExp(`\\b${name}( is ".*" but)? must be`);

describe('the packaged input', SIDE_BY_SIDE, () => {
  const all = (value: (option: Option<unknown>) => string) =>
    Object.fromEntries(FIELDS.map(([name, option]) => [name, value(option)]));

  it.each([
    ['of the wrong type', all((option) => wrong(option)[0]!)],
    ['too long', all(() => LONG)],
    ['hostile', all(() => HOSTILE.join(' '))],
  ])('refuses a stanza whose fields are all %s in one message that names each', (_, stanza) =>
    inScene(async (scene) => {
      const host = await scene.host();
      const { status, message } = await host.create('prod', stanza);
      expect(status).toBe(400);
      for (const [name] of FIELDS) expect(message).toMatch(refusalOf(name));
      expect(host.inputs.stanzas.size).toBe(0);
    }),
  );

  it.each(['<b>&"\'', '../../../etc', 'ein Name mit Ümläuten', 'x'.repeat(900), '$(id)', '%2e%2e%2f'])(
    'reads under a stanza name such as %.40j, and names its events so',
    (name) =>
      inScene(async (scene) => {
        const host = await scene.host();
        expect((await host.create(name, scene.settings())).status).toBe(201);
        scene.put(3);
        await scene.delivered();
        expect(new Set(host.events.map(({ stanza }) => stanza))).toEqual(new Set([`kinesis_log://${name}`]));
      }),
  );
});
