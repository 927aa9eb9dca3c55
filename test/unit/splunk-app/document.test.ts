/** Configuration documents as splunkd and the public SDKs' samples shape them, and broken ones. */
import { Readable, PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { parseDocument } from '../../../splunk-app/input/document.ts';
import { readDocument } from '../../../splunk-app/input/stdin.ts';
import { FakeClock } from '../../fakes/clock.ts';

const run = (inside: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<input xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><server_host>hf1</server_host>
  <server_uri>https://127.0.0.1:8089</server_uri><session_key>k3y</session_key><!-- shared -->
  <checkpoint_dir>/d/modinputs/kinesis_log</checkpoint_dir><configuration>${inside}</configuration></input>`;

const code = (work: () => unknown): string => {
  try {
    work();
    return 'no error';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('a run document', () => {
  it('gives every stanza with its parameters as text', () => {
    const { kind, checkpointDir, stanzas } = parseDocument(
      run(`<stanza name="kinesis_log://prod" app="kinloader"><param name="disabled">0</param><param name="a">x &lt;&amp;&#10;&#x41; y</param>
           <param_list name="b"><value>1</value><value>2</value></param_list><param name="empty"></param><param name="c"><![CDATA[<raw>&amp;]]></param></stanza>
           <stanza name="kinesis_log://p&amp;q"/>`),
    );
    expect([kind, checkpointDir]).toEqual(['input', '/d/modinputs/kinesis_log']);
    expect(stanzas.map(({ name }) => name)).toEqual(['kinesis_log://prod', 'kinesis_log://p&q']);
    expect(Object.fromEntries(stanzas[0]!.params)).toEqual({
      disabled: '0',
      a: 'x <&\nA y',
      b: '1,2',
      empty: '',
      c: '<raw>&amp;',
    });
  });

  it('may hold no stanza at all', () => {
    expect(parseDocument(run('')).stanzas).toEqual([]);
    expect(parseDocument('<input><configuration/></input>').stanzas).toEqual([]);
  });

  it.each([
    ['cut off', run('').slice(0, -5)],
    ['not closed properly', '<input><configuration></input></configuration>'],
    ['of another kind', '<scheme></scheme>'],
    ['empty', ''],
    ['not XML', 'hello'],
    ['without a name in a stanza', run('<stanza><param name="a">1</param></stanza>')],
    ['with an unknown element in a stanza', run('<stanza name="s"><parm name="a">1</parm></stanza>')],
    ['with an unknown entity', run('<stanza name="s"><param name="a">&secret;</param></stanza>')],
    ['with a character that does not exist', run('<stanza name="s"><param name="a">&#x110000;</param></stanza>')],
    ['with two roots', '<input></input><input></input>'],
    [
      'that declares entities of its own',
      `<!DOCTYPE input [<!ENTITY a "aaaa">]>${run('<stanza name="s"><param name="a">&a;</param></stanza>')}`,
    ],
  ])('is refused when it is %s', (_, xml) => {
    expect(code(() => parseDocument(xml))).toBe('KINLOG_INPUT_INVALID');
  });

  it('is refused without showing what it holds', () => {
    try {
      parseDocument(run('<stanza name="s"><bad>TOPSECRET</bad></stanza>'));
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error) + String(error)).not.toMatch(/TOPSECRET|k3y/);
    }
  });
});

describe('a validation document', () => {
  const items = (inside: string) =>
    `<items><server_host>h</server_host><checkpoint_dir>/d</checkpoint_dir>${inside}</items>`;

  it('gives its one item', () => {
    const { kind, stanzas } = parseDocument(items('<item name="prod"><param name="stream_name">s</param></item>'));
    expect(kind).toBe('items');
    expect([...stanzas[0]!.params]).toEqual([['stream_name', 's']]);
  });

  it('is refused with none or several', () => {
    expect(code(() => parseDocument(items('')))).toBe('KINLOG_INPUT_INVALID');
    expect(code(() => parseDocument(items('<item name="a"/><item name="b"/>')))).toBe('KINLOG_INPUT_INVALID');
  });
});

describe('stdin', () => {
  const text = run('<stanza name="kinesis_log://größe"/>');
  const utf16le = Buffer.from(`\ufeff${text}`, 'utf16le');
  const open = (...chunks: Buffer[]) => {
    const stdin = new PassThrough();
    for (const chunk of chunks) stdin.write(chunk);
    return stdin;
  };

  it.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte order mark', Buffer.from(`\ufeff${text}`)],
    ['UTF-8 that says it is UTF-16', Buffer.from(text.replace('UTF-8', 'utf-16'))],
    ['UTF-16 little-endian', utf16le],
    ['UTF-16 big-endian', Buffer.from(utf16le).swap16()],
  ])('is read up to the closing tag as %s, byte by byte, though it stays open', async (_, bytes) => {
    const stdin = open(...[...bytes].map((byte) => Buffer.from([byte])));
    const xml = await readDocument(stdin, undefined, new FakeClock());
    expect(parseDocument(xml).stanzas[0]!.name).toBe('kinesis_log://größe');
    expect(stdin.readableEnded).toBe(false);
  });

  it('may also end', async () => {
    expect(await readDocument(Readable.from([Buffer.from('<input')]), undefined, new FakeClock())).toBe('<input');
    const nothing = await readDocument(Readable.from([]), undefined, new FakeClock());
    expect(() => parseDocument(nothing)).toThrow('it is empty');
  });

  it('that never brings a whole document is given up after 30 s', async () => {
    const clock = new FakeClock();
    const reading = readDocument(open(Buffer.from('<input>')), undefined, clock).catch((error: unknown) => error);
    await clock.advance(30_001);
    expect(await reading).toMatchObject({ code: 'KINLOG_INPUT_INVALID' });
  });

  it('that never brings a whole document does not outlast a stop', async () => {
    const stop = new AbortController();
    const reading = readDocument(open(), stop.signal, new FakeClock()).catch((error: unknown) => error);
    stop.abort();
    expect(await reading).toMatchObject({ name: 'AbortError' });
  });

  it('that brings too much is refused', async () => {
    const stdin = open(...Array.from({ length: 17 }, () => Buffer.alloc(1 << 20, 'x')));
    await expect(readDocument(stdin, undefined, new FakeClock())).rejects.toMatchObject({
      code: 'KINLOG_INPUT_INVALID',
    });
  });
});
