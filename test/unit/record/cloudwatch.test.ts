/** CloudWatch Logs subscription messages. */
import { describe, expect, it } from 'vitest';
import { BatchBuilder } from '../../../record/batch.ts';
import { cloudwatch, cloudwatchFormat } from '../../../record/cloudwatch.ts';
import { MARK } from '../../../record/event.ts';
import { decodeAll, eventsOf, type Delivered } from '../../contract/record-format.ts';

const MESSAGE = {
  messageType: 'DATA_MESSAGE',
  owner: '111122223333',
  logGroup: '/aws/lambda/shop',
  logStream: '2025/10/10/[$LATEST]ab12',
  subscriptionFilters: ['all'],
  logEvents: [
    {
      id: '38100000000000000000000000000000000000000000000000000001',
      timestamp: 1760104536123,
      message: 'START RequestId: 1\n',
    },
  ],
};
const CONTROL = {
  ...MESSAGE,
  messageType: 'CONTROL_MESSAGE',
  owner: 'CloudwatchLogs',
  logGroup: '',
  logStream: '',
  subscriptionFilters: [],
  logEvents: [
    { id: '', timestamp: 1760104536123, message: 'CWL CONTROL MESSAGE: Checking health of destination Kinesis' },
  ],
};

function decode(message: unknown): readonly Delivered[] {
  const events = decodeAll(cloudwatch, Buffer.from(JSON.stringify(message)), 1000);
  if (typeof events === 'string') throw new Error(events);
  return events;
}
const withEvents = (...logEvents: readonly unknown[]) => ({ ...MESSAGE, logEvents });

describe('a subscription message', () => {
  it('gives time, host, source, text and fields', () => {
    const [event] = decode(MESSAGE);
    expect(event).toMatchObject({
      text: 'START RequestId: 1',
      timeMs: 1760104536123,
      meta: { host: '2025/10/10/[$LATEST]ab12', source: '/aws/lambda/shop', sourcetype: 'aws:cloudwatchlogs' },
      mark: 0,
    });
    expect(JSON.parse(event?.fields ?? '')).toEqual({
      owner: '111122223333',
      subscriptionFilters: ['all'],
      id: '38100000000000000000000000000000000000000000000000000001',
    });
  });

  it('may have another sourcetype', () => {
    const payload = Buffer.from(JSON.stringify(MESSAGE));
    const [event] = decodeAll(
      cloudwatchFormat({ sourcetype: 'aws:cloudwatchlogs:vpcflow' }),
      payload,
      10,
    ) as Delivered[];
    expect(event?.meta.sourcetype).toBe('aws:cloudwatchlogs:vpcflow');
  });

  it('gives extracted fields and the policy level as indexed fields, but nothing nested', () => {
    const event = {
      id: '1',
      timestamp: 1,
      message: 'm',
      extractedFields: { level: 'INFO', n: 5, deep: {}, owner: 'no', none: null },
    };
    const [delivered] = decode({ ...withEvents(event), policyLevel: 'ACCOUNT_LEVEL_POLICY' });
    expect(JSON.parse(delivered?.fields ?? '')).toEqual({
      level: 'INFO',
      n: 5,
      owner: '111122223333',
      subscriptionFilters: ['all'],
      policyLevel: 'ACCOUNT_LEVEL_POLICY',
      id: '1',
    });
  });

  it('keeps every character of a message but one LF at its end', () => {
    const messages = ['ä€\u{1f600}"\\', 'a\r\n', 'a\n\n', '', '\n', '\ud800'];
    const events = decode(withEvents(...messages.map((message) => ({ id: '1', timestamp: 5, message }))));
    expect(events.map(({ text }) => text)).toEqual(['ä€\u{1f600}"\\', 'a\r', 'a\n', '', '', '\ufffd']);
  });

  it('that only checks the destination gives no events', () => {
    expect(decode(CONTROL)).toEqual([]);
  });

  it('with events of another shape delivers them as JSON, marked', () => {
    const odd = [null, 5, 'text', ['m'], { message: 5 }, {}];
    const events = decode(withEvents(...odd, { message: 'good' }));
    expect(events.map(({ text, mark }) => [text, mark])).toEqual([
      ...odd.map((event) => [JSON.stringify(event), MARK.undecoded]),
      ['good', 0],
    ]);
  });

  it.each([undefined, null, 'soon', -1, 1e300])('with the timestamp %j has no time', (timestamp) => {
    expect(decode(withEvents({ message: 'm', timestamp }))).toMatchObject([{ text: 'm', timeMs: undefined }]);
  });
});

describe('what is not of this shape', () => {
  it.each([
    ['another message type', { ...MESSAGE, messageType: 'OTHER' }],
    ['no log group', { ...MESSAGE, logGroup: undefined }],
    ['filters that are no list', { ...MESSAGE, subscriptionFilters: 'all' }],
    ['filters that are no text', { ...MESSAGE, subscriptionFilters: [5] }],
    ['events that are no list', { ...MESSAGE, logEvents: {} }],
    ['more events than ten messages hold', { ...MESSAGE, logEvents: new Array<number>(100_001).fill(0) }],
    ['a message of 17 MiB', withEvents({ message: 'x'.repeat(17 * 1024 * 1024) })],
    ['names of no sane size', { ...MESSAGE, owner: 'x'.repeat(10_000) }],
    ['a list of messages', [MESSAGE]],
  ])('%s is refused', (_, message) => {
    expect(() => decode(message)).toThrow();
  });

  it('text that is not UTF-8 is refused, because it would not survive', () => {
    const payload = Buffer.from(JSON.stringify(MESSAGE).replace('START', 'ST\u00c4RT'), 'latin1');
    expect(decodeAll(cloudwatch, payload, 10)).toBeTypeOf('string');
  });

  it('a message may be pretty-printed, and begin with any of its members', () => {
    const { logEvents, ...rest } = MESSAGE;
    const payload = Buffer.from(JSON.stringify({ logEvents, ...rest }, null, 2));
    expect(cloudwatch.recognise(payload)).toBe(true);
    expect(decodeAll(cloudwatch, payload, 10)).toEqual(decode(MESSAGE));
    expect(cloudwatch.recognise(Buffer.from('{"message":"no \\"logEvents\\" and \\"messageType\\""}'))).toBe(false);
  });

  it('many events of one message share their metadata row', () => {
    const builder = new BatchBuilder();
    const payload = Buffer.from(JSON.stringify(withEvents(...Array.from({ length: 100 }, () => ({ message: 'm' })))));
    const start = builder.load(payload);
    cloudwatch.decode({ start, end: start + payload.length }, builder);
    expect(eventsOf(builder)).toHaveLength(100);
    expect(builder.rows.size).toBe(2);
  });
});
