/** What the splunkd of these tests takes and what it does not; a lenient one would prove nothing. */
import { describe, expect, it } from 'vitest';
import { messageIn, schemeFault } from './splunkd/answers.ts';
import { EventDocument } from './splunkd/event-document.ts';
import { logLines } from './splunkd/log.ts';

const EVENT = '<event stanza="s://a"><time>1.000</time><data>x</data></event>';

function read(bytes: Uint8Array, chunk = 1): EventDocument {
  const document = new EventDocument();
  for (let at = 0; at < bytes.length; at += chunk) document.write(bytes.subarray(at, at + chunk));
  return document;
}

describe('an event stream', () => {
  it.each([1, 2, 3, 7, 1000])('is read in pieces of %i bytes', (chunk) => {
    const data = 'ü 😀 &lt;&amp; &#13;\n';
    const document = read(
      Buffer.from(`<stream>\n<event stanza="s://a"><data>${data}</data></event>\n</stream>\n`),
      chunk,
    );
    expect(document).toMatchObject({ fault: undefined, whole: true });
    expect(document.events).toEqual([{ stanza: 's://a', fields: { data: 'ü 😀 <& \r\n' } }]);
  });

  it('that was cut off has its whole events and no fault', () => {
    expect(read(Buffer.from(`<stream>${EVENT}<event stanza="s://a"><da`))).toMatchObject({
      fault: undefined,
      whole: false,
      events: { length: 1 },
    });
  });

  it.each([
    ['a control character', Buffer.from('<stream><event stanza="a"><data>\u0001</data></event>')],
    ['a NUL', Buffer.from('<stream><event stanza="a"><data>\0</data></event>')],
    ['a reference to a control character', Buffer.from('<stream><event stanza="a"><data>&#1;</data></event>')],
    ['U+FFFE', Buffer.from('<stream><event stanza="a"><data>\ufffe</data></event>')],
    ['a byte that is no UTF-8', Buffer.concat([Buffer.from('<stream><event stanza="a"><data>'), Buffer.from([0xff])])],
    ['a surrogate in UTF-8', Buffer.concat([Buffer.from('<stream><event><data>'), Buffer.from([0xed, 0xa0, 0x80])])],
    ['an ampersand of its own', Buffer.from('<stream><event stanza="a"><data>a & b</data></event>')],
    ['an end of CDATA', Buffer.from('<stream><event stanza="a"><data>]]></data></event>')],
    ['text between events', Buffer.from(`<stream>${EVENT}INFO hello${EVENT}`)],
    ['text before the stream', Buffer.from(`INFO hello\n<stream>${EVENT}`)],
    ['anything behind the stream', Buffer.from(`<stream>${EVENT}</stream><stream>`)],
    ['an unknown element', Buffer.from('<stream><event stanza="a"><data>x</data><fields>y</fields></event>')],
    ['an element in the data', Buffer.from('<stream><event stanza="a"><data><b>x</b></data></event>')],
    ['an event in an event', Buffer.from(`<stream><event stanza="a">${EVENT}</event>`)],
    ['an event without data', Buffer.from('<stream><event stanza="a"><time>1.000</time></event>')],
    ['two times', Buffer.from('<stream><event><time>1.000</time><time>1.000</time><data>x</data></event>')],
    ['a time in exponents', Buffer.from('<stream><event><time>1e9</time><data>x</data></event>')],
    ['another root', Buffer.from('<events>')],
  ])('with %s has a fault, and nothing behind it counts', (_, bytes) => {
    const { fault, events } = read(Buffer.concat([bytes, Buffer.from(EVENT)]));
    expect(fault).toBeDefined();
    expect(events.length).toBeLessThanOrEqual(bytes.toString().split(EVENT).length - 1);
  });
});

it('takes a line of stderr without a level for an error', () => {
  expect(logLines('INFO a\nhello\n  at x (y.js:1)\nWARN cut')).toEqual([
    { level: 'INFO', text: 'a', levelled: true },
    { level: 'ERROR', text: 'hello', levelled: false },
    { level: 'ERROR', text: '  at x (y.js:1)', levelled: false },
  ]);
});

it.each(['', 'text\n', '<error><message>two\nlines</message></error>\n', '<error><message>a & b</message></error>\n'])(
  'shows no message for %j',
  (stdout) => expect(messageIn(stdout)).toBeUndefined(),
);

it.each(['', '<scheme>', '<scheme><title>t</title><use_external_validation>true</use_external_validation></scheme>'])(
  'registers no scheme for %j',
  (xml) => expect(schemeFault(xml)).toBeDefined(),
);
