/** The formats of record/ run the contract suite. */
import { cloudwatch } from '../../record/cloudwatch.ts';
import { detectedHec, hec } from '../../record/hec.ts';
import { json } from '../../record/json.ts';
import { encodeKinlog, kinlog } from '../../record/kinlog.ts';
import { text, textFormat } from '../../record/text.ts';
import { recordFormatContract } from './record-format.ts';

const header = { unbroken: false, source: 'web', host: 'h1', encId: 7, blockId: 0 };
const events = Array.from({ length: 9 }, (_, i) => ({ data: `event ${i} <&>\n`, timeMs: 1_760_104_536_123.5 + i }));
const goLines = encodeKinlog(header, events).toString();

const subscription = JSON.stringify({
  messageType: 'DATA_MESSAGE',
  owner: '111122223333',
  logGroup: '/aws/lambda/shop',
  logStream: '2025/10/10/[$LATEST]ab12',
  subscriptionFilters: ['all'],
  logEvents: Array.from({ length: 9 }, (_, i) => ({
    id: `3810${i}`,
    timestamp: 1_760_104_536_123 + i,
    message: `START ${i} ä\n`,
  })),
});
const hecLines = Array.from({ length: 9 }, (_, i) =>
  JSON.stringify({ time: 1_760_104_536.5 + i, host: `h${i % 2}`, event: `line ${i} "ä"\n`, fields: { n: i } }),
);
const jsonLines = Array.from({ length: 9 }, (_, i) => JSON.stringify({ time: 1_760_104_536 + i, host: 'h', n: [i] }));
const plain = Array.from(
  { length: 9 },
  (_, i) => `10.1.2.${i} - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.1" 200 5`,
);

const all = {
  'kinlog lines': goLines,
  'a CloudWatch Logs subscription': subscription,
  'HEC objects': hecLines.join('\n'),
  'JSON lines': jsonLines.join('\n'),
  'text lines': plain.join('\n'),
  'nothing but blanks': ' \n \r\n\t',
  'bytes that are no text': Buffer.from([0, 1, 2, 255, 254, 10, 0]),
};
function but(...names: (keyof typeof all)[]): Readonly<Record<string, Uint8Array | string>> {
  return Object.fromEntries(Object.entries(all).filter(([name]) => !names.some((own) => own === name)));
}

recordFormatContract(kinlog, {
  payloads: {
    'what the sender writes': goLines,
    'chunks of an unbroken stream': encodeKinlog({ ...header, unbroken: true, blockId: 3 }, events),
    'keys in another order and case': goLines
      .replaceAll(
        /\{"is_done":(\w+),"ts":"([^"]+)","data":"([^"]+)"\}/g,
        '{ "Data":"$3", "extra":null, "IS_DONE":$1,"Ts":"$2"}',
      )
      .replace(/\{"unbroken":false,(.*)\}/, '{$1, "UNBROKEN": false}'),
    'two records joined': `${goLines}${encodeKinlog({ ...header, host: 'h2', fields: { pod: 'p1' } }, events).toString()}`,
    'a broken line among good ones': goLines.replace('"ts":"2025', '"ts":2025'),
  },
  others: but('kinlog lines'),
});

recordFormatContract(cloudwatch, {
  payloads: {
    'a data message': subscription,
    'one with extracted fields': subscription.replaceAll('"message":', '"extractedFields":{"level":"INFO"},"message":'),
    'one with odd events': subscription
      .replace('"timestamp"', '"timestamp":"soon","TIMESTAMP"')
      .replace('"message"', '"MESSAGE"'),
  },
  others: but('a CloudWatch Logs subscription'),
});

for (const format of [hec, detectedHec])
  recordFormatContract(format, {
    payloads: {
      'one object per line': hecLines.join('\n'),
      'objects joined without a break': hecLines.join(''),
      'objects over many lines': hecLines.map((line) => JSON.stringify(JSON.parse(line), null, 2)).join('\n'),
    },
    others: but('HEC objects'),
  });

recordFormatContract(json, {
  payloads: {
    'one object per line': jsonLines.join('\n'),
    'objects joined without a break': jsonLines.join(''),
    'objects over many lines': jsonLines.map((line) => JSON.stringify(JSON.parse(line), null, 2)).join('\n'),
    'a list': `[${jsonLines.join(',')}]`,
  },
  others: { 'text lines': plain.join('\n'), 'bytes that are no text': Buffer.from([0, 1, 2, 255, 254, 10, 0]) },
});

recordFormatContract(text, { payloads: { 'text lines': plain.join('\n') }, others: {} });
recordFormatContract(textFormat({ lines: true }), {
  payloads: { 'text lines': plain.join('\n'), 'lines with empty ones between': `\n\n${plain.join('\n\n')}\n` },
  others: {},
});
