/** What is shown to Splunk's own SDK: documents as splunkd writes them with what we read in them, and events with what we write. */
import { Writable } from 'node:stream';
import { isKinlogError } from '../../base/errors.ts';
import { EventLog } from '../../base/events.ts';
import { EventPipe, ModularInputOutput } from '../../reader/output/modular-input.ts';
import { BatchBuilder } from '../../record/batch.ts';
import { MARK, type EventMeta } from '../../record/event.ts';
import { parseDocument, type InputDocument } from '../input/document.ts';

/** Of parseDocument, with plain objects. */
interface Read {
  readonly checkpointDir: string;
  readonly serverUri: string;
  readonly sessionKey: string;
  /** Parameters by stanza. */
  readonly stanzas: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly apps: Readonly<Record<string, string>>;
}

export interface DocumentCase {
  readonly name: string;
  readonly kind: InputDocument['kind'];
  readonly xml: string;
  /** null: refused. */
  readonly read: Read | null;
}

export interface EventCase extends EventMeta {
  readonly stanza: string;
  readonly data: string;
  /** Seconds. */
  readonly time?: string;
  readonly unbroken: boolean;
  readonly done: boolean;
}

const HEAD =
  '<server_host>hf1</server_host><server_uri>https://127.0.0.1:8089</server_uri><session_key>a^b=</session_key><checkpoint_dir>/opt/splunk/var/lib/splunk/modinputs/kinesis_log</checkpoint_dir>';
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';
const runOf = (stanzas: string) => `${DECLARATION}<input>${HEAD}<configuration>${stanzas}</configuration></input>`;
const stanza = (name: string, params: string) => `<stanza name="${name}" app="kinloader">${params}</stanza>`;
const param = (name: string, value: string) => `<param name="${name}">${value}</param>`;
const BUILT_IN = `${param('disabled', '0')}${param('host', '$decideOnStartup')}${param('index', 'default')}${param('interval', '0')}`;

/** Name, XML. */
const RUNS: Readonly<Record<string, string>> = {
  'one stanza': runOf(stanza('kinesis_log://prod', BUILT_IN + param('stream_name', 's'))),
  'two stanzas': runOf(stanza('kinesis_log://a', param('x', '1')) + stanza('kinesis_log://b', param('x', '2'))),
  'no stanza': runOf(''),
  'a stanza without parameters': runOf(stanza('kinesis_log://a', '')),
  'an empty parameter': runOf(stanza('kinesis_log://a', `${param('x', '')}<param name="y"/>`)),
  'a list': runOf(stanza('kinesis_log://a', '<param_list name="x"><value>1</value><value>2</value></param_list>')),
  'entities and character references': runOf(
    stanza('kinesis_log://&quot;a&amp;b&#39;', param('x', '&lt;a&gt; &amp;amp; &quot;&apos; &#13;&#x1F600;&#233;')),
  ),
  CDATA: runOf(stanza('kinesis_log://a', param('x', 'before <![CDATA[<b> & &amp; ]]> after'))),
  'spaces and lines in a value': runOf(stanza('kinesis_log://a', param('x', ' a\n\tb  '))),
  'text beyond ASCII': runOf(stanza('kinesis_log://größe', param('x', 'é € 😀 \u2028'))),
  'comments and white space between elements': runOf(
    `\n  <!-- one -->\n  ${stanza('kinesis_log://a', `\n ${param('x', '1')}\n <!-- two -->\n`)}\n`,
  ),
  'a document cut off': runOf(stanza('kinesis_log://a', param('x', '1'))).slice(0, -12),
  'an unknown entity': runOf(stanza('kinesis_log://a', param('x', '&nope;'))),
  'an attribute without quotes': runOf('<stanza name=a></stanza>'),
  'a bare ampersand': runOf(stanza('kinesis_log://a', param('x', 'a & b'))),
  'tags that cross': runOf('<stanza name="a"><param name="x"></stanza></param>'),
  'an unknown element in a stanza': runOf(stanza('kinesis_log://a', '<parm name="x">1</parm>')),
};
const VALIDATIONS: Readonly<Record<string, string>> = {
  'a validation': `${DECLARATION}<items>${HEAD}<item name="prod">${BUILT_IN}${param('stream_name', 's')}</item></items>`,
  'a validation with a list': `<items>${HEAD}<item name="a"><param_list name="x"><value>1</value><value>2</value></param_list>${param('y', '&amp;')}</item></items>`,
  'a validation cut off': `<items>${HEAD}<item name="a">`,
};

export function documentCases(): DocumentCase[] {
  const cases = (kind: DocumentCase['kind'], documents: Readonly<Record<string, string>>): DocumentCase[] =>
    Object.entries(documents).map(([name, xml]) => ({ name, kind, xml, read: readAsWeDo(xml) }));
  return [...cases('input', RUNS), ...cases('items', VALIDATIONS)];
}

function readAsWeDo(xml: string): Read | null {
  try {
    const { checkpointDir, serverUri, sessionKey, stanzas } = parseDocument(xml);
    return {
      checkpointDir,
      serverUri,
      sessionKey,
      stanzas: Object.fromEntries(stanzas.map(({ name, params }) => [name, Object.fromEntries(params)])),
      apps: Object.fromEntries(stanzas.map(({ name, app }) => [name, app])),
    };
  } catch (error) {
    if (isKinlogError(error, 'KINLOG_INPUT_INVALID')) return null;
    throw error;
  }
}

const WHOLE = { unbroken: false, done: true, stanza: 'kinesis_log://prod' };

export const EVENTS_SHOWN: readonly EventCase[] = [
  { ...WHOLE, data: 'plain' },
  { ...WHOLE, data: '' },
  { ...WHOLE, data: 'with everything', time: '1795217871.12345', host: 'h', source: 's', sourcetype: 't', index: 'i' },
  { ...WHOLE, data: 'whole seconds', time: '1795217871' },
  { ...WHOLE, data: 'a microsecond', time: '0.000001' },
  { ...WHOLE, data: 'all digits of a time', time: '4102444800.999999' },
  { ...WHOLE, data: '<a href="x">&amp; \'&\' ]]></a>', host: '<&>"\'', source: 'a&b' },
  { ...WHOLE, data: 'two\nlines\r\nand a tab\t, a lone\rreturn', sourcetype: ' spaces ' },
  { ...WHOLE, data: 'é € 😀 \u2028 \ufffd \u007f\u0085', host: 'größe' },
  { ...WHOLE, data: 'x'.repeat(70_000) },
  { ...WHOLE, data: 'other stanza', stanza: 'kinesis_log://"a&b<c>\'é' },
  { ...WHOLE, data: 'half of ', unbroken: true, done: false },
  { ...WHOLE, data: 'a line', unbroken: true, done: true },
];

/** The event stream as splunkd gets it. */
export async function eventStream(events: readonly EventCase[]): Promise<string> {
  const chunks: Buffer[] = [];
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, taken) => {
      // The pipe uses a chunk again once it was taken.
      chunks.push(Buffer.from(chunk));
      taken();
    },
  });
  const pipe = new EventPipe(stdout, { log: new EventLog(() => undefined) });
  const signal = AbortSignal.timeout(10_000);
  for (const { stanza: name, data, time, unbroken, done, ...meta } of events) {
    const builder = new BatchBuilder();
    const bytes = Buffer.from(data);
    const at = builder.load(bytes);
    const us = time === undefined ? NaN : Math.round(Number(time) * 1e6);
    const mark = unbroken ? MARK.unbroken | (done ? MARK.done : 0) : 0;
    builder.add(at, at + bytes.length, us, builder.meta(meta), mark);
    await new ModularInputOutput(pipe, name).write(builder.seal(), signal);
  }
  await pipe.close();
  return Buffer.concat(chunks).toString();
}
