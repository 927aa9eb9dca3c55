/** What the fake HEC does, each with the public source that says so of the real one. */
import { gzipSync } from 'node:zlib';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CA, FakeHec, TOKEN, type Port } from '../fakes/hec/hec.ts';

const agent = new Agent({ connect: { ca: CA } });
afterAll(() => agent.close());

const CHANNEL = 'fe0ecfad-13d5-401b-847d-77833bd77131';
const ACK_TOKEN = '6a1c6d3e-0000-4000-8000-0000000000ac';

let hec: FakeHec;
let port: Port;

beforeEach(async () => {
  hec = new FakeHec({ tokens: { [TOKEN]: { indexes: ['main', 'web'] }, [ACK_TOKEN]: { ack: true } } });
  port = await hec.open();
});
afterEach(() => hec.close());

interface Told {
  readonly status: number;
  readonly json: unknown;
  readonly cookie?: string;
}

type Headers = Readonly<Record<string, string>>;

async function call(path: string, body: string | Buffer, headers: Headers = {}, to = port): Promise<Told> {
  const authorization = `Splunk ${TOKEN}`;
  const answer = await request(`${to.url}${path}`, {
    method: 'POST',
    dispatcher: agent,
    body,
    headers: { authorization, ...headers },
  });
  const text = await answer.body.text();
  const cookie = answer.headers['set-cookie'];
  const told = { status: answer.statusCode, json: text.startsWith('{') ? (JSON.parse(text) as unknown) : text };
  return typeof cookie === 'string' ? { ...told, cookie: cookie.split(';')[0]! } : told;
}

const post = (body: string | Buffer, headers?: Headers) => call('/services/collector/event', body, headers);
const acknowledged = (body: string, headers: Headers = {}, to = port) =>
  call(
    '/services/collector/event',
    body,
    { authorization: `Splunk ${ACK_TOKEN}`, 'x-splunk-request-channel': CHANNEL, ...headers },
    to,
  );
const ask = (acks: readonly number[], headers: Headers = {}, to = port) =>
  call(
    `/services/collector/ack?channel=${CHANNEL}`,
    JSON.stringify({ acks }),
    { authorization: `Splunk ${ACK_TOKEN}`, ...headers },
    to,
  );
const get = async (path: string, headers: Headers = {}): Promise<Told> => {
  const answer = await request(`${port.url}${path}`, { dispatcher: agent, headers });
  return { status: answer.statusCode, json: await answer.body.json() };
};
const told = (status: number, code: number, text: string, more = {}) => ({ status, json: { text, code, ...more } });
const SUCCESS = told(200, 0, 'Success');
const refused = (code: number, text: string, n: number) => told(400, code, text, { 'invalid-event-number': n });
const taken = () => hec.events.map(({ event }) => event);

/** help.splunk.com, "Format events for HTTP Event Collector"; Suhaibinator/open-splunk, internal/hec/testdata/compatibility/json-event.json. */
describe('events', () => {
  test('are objects one after the other, with or without anything between them, kept as they were sent', async () => {
    const [first, second] = [
      '{"time":1785000000.123,"event":"a }{ \\"","host":"h"}',
      '{"event":{"b":[1]},"fields":{"z":["a",1]}}',
    ];
    expect(await post(`${first}${second}\r\n {"event":false} `)).toEqual(SUCCESS);
    expect(hec.events).toMatchObject([
      { event: 'a }{ "', time: 1_785_000_000.123, host: 'h', raw: first, token: TOKEN },
      { event: { b: [1] }, fields: { z: ['a', 1] }, raw: second },
      { event: false },
    ]);
  });

  test.each(['/services/collector', '/services/collector/event', '/services/collector/event/1.0'])(
    'are taken at %s, also gzipped',
    async (path) => {
      expect(await call(path, '{"event":"a"}')).toEqual(SUCCESS);
      expect(await call(path, gzipSync('{"event":"b"}'), { 'content-encoding': 'gzip' })).toEqual(SUCCESS);
      expect(taken()).toEqual(['a', 'b']);
    },
  );

  test.each([
    ['{"host":"h"}', 12, 'Event field is required'],
    ['{"event":null}', 13, 'Event field cannot be blank'],
    ['{"event":""}', 13, 'Event field cannot be blank'],
    ['{"event":"x","fields":{"a":{"b":1}}}', 15, 'Error in handling indexed fields'],
    ['{"event":"x","fields":{"a":[{"b":1}]}}', 15, 'Error in handling indexed fields'],
    ['{"event":"x","fields":["a"]}', 15, 'Error in handling indexed fields'],
    ['{"event":"x","index":"secret"}', 7, 'Incorrect index'],
    ['{"event":"x","time":"noon"}', 6, 'Invalid data format'],
    ['{"event":"x"', 6, 'Invalid data format'],
    ['{"event":"x",}', 6, 'Invalid data format'],
    ['[{"event":"x"}]', 6, 'Invalid data format'],
    ['{"event":"\u0001"}', 6, 'Invalid data format'],
  ])('of which one is %s are refused, and its number is told', async (wrong, code, text) => {
    expect(await post(`{"event":"a"}{"event":"b","index":"web"}\n${wrong}`)).toEqual(refused(code, text, 2));
    expect(await post(wrong)).toEqual(refused(code, text, 0));
  });

  /** Suhaibinator/open-splunk takes none; other descriptions of HEC let those ahead of the invalid one through. */
  test('ahead of an invalid one are taken or not, as the test wants it; those behind it never are', async () => {
    const body = '{"event":"a"}{"event":""}{"event":"c"}';
    await post(body);
    expect(taken()).toEqual(['a']);
    hec.takesAhead = false;
    await post(body);
    expect(taken()).toEqual(['a']);
  });

  test('that are no UTF-8, or no gzip though they say so, are no valid data', async () => {
    expect(await post(Buffer.from('{"event":"\xff"}', 'latin1'))).toEqual(refused(6, 'Invalid data format', 0));
    const noGzip = await post('{"event":"x"}', { 'content-encoding': 'gzip' });
    expect(noGzip).toEqual(told(400, 6, 'Invalid data format'));
  });

  /** inputs.conf, [http] maxEventSize. */
  test('larger than one may be are refused', async () => {
    hec.maxEventBytes = 100;
    const large = `{"event":"${'x'.repeat(100)}"}`;
    expect(await post(`{"event":"a"}${large}`)).toEqual(refused(6, 'Invalid data format', 1));
  });

  test.each(['', ' \n'])('that are none (%j) are no data', async (body) => {
    expect(await post(body)).toEqual(told(400, 5, 'No data'));
  });

  test('in a body that is too large meet 413, and nothing is taken', async () => {
    port.faults.maxBodyBytes = 20;
    expect(await post('{"event":"0123456789"}')).toMatchObject({ status: 413 });
    hec.maxContentBytes = 30;
    const packed = gzipSync(`{"event":"${'0'.repeat(1000)}"}`);
    port.faults.maxBodyBytes = packed.length;
    expect(await post(packed, { 'content-encoding': 'gzip' })).toMatchObject({ status: 413 });
    expect(taken()).toEqual([]);
  });
});

/** Suhaibinator/open-splunk, internal/hec/testdata/compatibility/auth-transport.json. */
describe('who may send', () => {
  test.each([
    ['', told(401, 3, 'Invalid authorization')],
    [`splunk ${TOKEN}`, told(401, 3, 'Invalid authorization')],
    [`Splunk  ${TOKEN}`, told(401, 3, 'Invalid authorization')],
    ['Splunk another', told(403, 4, 'Invalid token')],
  ])('is whoever has a token: %j has none', async (authorization, answer) => {
    expect(await post('not json', { authorization })).toEqual(answer);
  });

  test('says so in a header', async () => {
    const bare = (path: string) =>
      request(`${port.url}${path}`, { method: 'POST', dispatcher: agent, body: '{"event":"x"}' });
    expect(await (await bare('/services/collector')).body.json()).toEqual(told(401, 2, 'Token is required').json);
    const asked = await bare(`/services/collector?token=${TOKEN}`);
    expect(await asked.body.json()).toEqual(told(400, 16, 'Query string authorization is not enabled').json);
  });

  test('may be told not to for a while', async () => {
    hec.tokens.get(TOKEN)!.disabled = true;
    expect(await post('{"event":"x"}')).toEqual(told(403, 1, 'Token disabled'));
    hec.tokens.get(TOKEN)!.disabled = false;
    expect(await post('{"event":"x"}')).toEqual(SUCCESS);
  });

  test('finds nothing at other paths and by other methods', async () => {
    expect(await call('/services/collector/mint', '')).toMatchObject({ status: 404 });
    expect(await get('/services/collector/event')).toMatchObject({ status: 405 });
  });
});

/** help.splunk.com, "About HTTP Event Collector Indexer Acknowledgment"; Suhaibinator/open-splunk, internal/hec/testdata/compatibility/acknowledgment.json. */
describe('acknowledgements', () => {
  test('count from 0 in a channel, are true once the events are indexed, and told once', async () => {
    hec.indexing.held = true;
    expect(await acknowledged('{"event":"a"}')).toEqual(told(200, 0, 'Success', { ackId: 0 }));
    expect(await acknowledged('{"event":"b"}')).toEqual(told(200, 0, 'Success', { ackId: 1 }));
    expect((await ask([0, 1])).json).toEqual({ acks: { 0: false, 1: false } });
    expect(taken()).toEqual([]);
    hec.indexing.index(1);
    expect((await ask([0, 1, 7])).json).toEqual({ acks: { 0: true, 1: false, 7: false } });
    expect((await ask([0, 1])).json).toEqual({ acks: { 0: false, 1: false } });
    expect(taken()).toEqual(['a']);
  });

  test('belong to their channel', async () => {
    await acknowledged('{"event":"a"}');
    const other = { 'x-splunk-request-channel': CHANNEL.replace('f', 'e') };
    expect(await acknowledged('{"event":"b"}', other)).toMatchObject({ json: { ackId: 0 } });
    expect((await ask([0])).json).toEqual({ acks: { 0: true } });
    expect((await ask([0])).json).toEqual({ acks: { 0: false } });
  });

  test('need a channel that is a GUID, and a token that has them', async () => {
    const authorization = `Splunk ${ACK_TOKEN}`;
    const event = '{"event":"a"}';
    expect(await post(event, { authorization })).toEqual(told(400, 10, 'Data channel is missing'));
    const odd = { authorization, 'x-splunk-request-channel': 'mine' };
    expect(await post(event, odd)).toEqual(told(400, 11, 'Invalid data channel'));
    expect(await call('/services/collector/ack', '{"acks":[0]}', { authorization })).toMatchObject({
      json: { code: 10 },
    });
    expect(await ask([0], { authorization: `Splunk ${TOKEN}` })).toEqual(told(400, 14, 'ACK is disabled'));
    expect(await call(`/services/collector/ack?channel=${CHANNEL}`, '[0]', { authorization })).toMatchObject({
      json: { code: 6 },
    });
  });

  test('of what a crash lost never come, and the numbers begin anew', async () => {
    hec.indexing.held = true;
    await acknowledged('{"event":"lost"}');
    hec.crash();
    hec.indexing.held = false;
    expect((await ask([0])).json).toEqual({ acks: { 0: false } });
    expect(await acknowledged('{"event":"kept"}')).toMatchObject({ json: { ackId: 0 } });
    expect(taken()).toEqual(['kept']);
  });

  test('can be lost on the way, with the events or without', async () => {
    hec.indexing.drop(1);
    await acknowledged('{"event":"dropped"}');
    hec.indexing.mute(1);
    await acknowledged('{"event":"muted"}');
    expect((await ask([0, 1])).json).toEqual({ acks: { 0: false, 1: false } });
    expect(taken()).toEqual(['muted']);
  });

  /** splunk/kafka-connect-splunk, issues 137 and 162; vectordotdev/vector, issue 19417. */
  test('are known only to the indexer that took the events, which a cookie names', async () => {
    const many = new FakeHec({ tokens: { [ACK_TOKEN]: { ack: true } }, indexers: 2 });
    const [sticky, loose] = [await many.open(), await many.open({ sticky: false })];
    try {
      const first = await acknowledged('{"event":"a"}', {}, sticky);
      expect(first.cookie).toBe('hec-indexer=indexer-1');
      const cookie = { cookie: first.cookie! };
      expect((await ask([0], {}, sticky)).json).toEqual({ acks: { 0: false } });
      expect(await ask([0], { cookie: 'hec-indexer=gone' }, loose)).toEqual({
        status: 200,
        json: { acks: { 0: true } },
      });
      await acknowledged('{"event":"b"}', cookie, sticky);
      sticky.faults.stray(1);
      expect(await ask([1], cookie, sticky)).toEqual({
        status: 200,
        json: { acks: { 1: false } },
        cookie: 'hec-indexer=indexer-2',
      });
      expect(await ask([1], cookie, sticky)).toEqual({ status: 200, json: { acks: { 1: true } } });
    } finally {
      await many.close();
    }
  });
});

/** Suhaibinator/open-splunk, internal/hec/testdata/compatibility/health-capacity.json. */
describe('health', () => {
  const HEALTH = '/services/collector/health';

  test('needs no token, and tells of a wrong one', async () => {
    expect(await get(HEALTH)).toEqual(told(200, 17, 'HEC is healthy'));
    expect(await get(HEALTH, { authorization: 'Splunk another' })).toEqual(told(400, 21, 'Invalid token'));
    hec.tokens.get(TOKEN)!.disabled = true;
    expect(await get(HEALTH, { authorization: `Splunk ${TOKEN}` })).toEqual(told(400, 22, 'Token disabled'));
  });

  test.each([
    ['busy', 503, 9, 503, 18],
    ['at capacity', 429, 26, 503, 18],
    ['shutting down', 503, 23, 503, 23],
    ['near capacity', 200, 24, 200, 17],
  ] as const)('and posts say that it is %s', async (state, ...codes) => {
    const [status, code, healthStatus, healthCode] = codes;
    port.faults.state = state;
    expect(await post('{"event":"x"}')).toMatchObject({ status, json: { code } });
    expect(await get(HEALTH)).toMatchObject({ status: healthStatus, json: { code: healthCode } });
    expect(taken()).toEqual(status === 200 ? ['x'] : []);
  });

  test('of acknowledgements is told to whoever asks for it', async () => {
    port.faults.ackService = false;
    expect(await get(`${HEALTH}?ack=true`)).toMatchObject({ status: 503, json: { code: 19 } });
    expect(await get(HEALTH)).toMatchObject({ status: 200 });
    port.faults.state = 'busy';
    expect(await get(`${HEALTH}/1.0?ack=1`)).toMatchObject({ status: 503, json: { code: 20 } });
  });
});

/** inputs.conf.spec, [http] forceHttp10 = auto. */
test('a client that does not say its name gets no connection that lasts', async () => {
  const kept = async (headers: Headers) => {
    const answer = await request(`${port.url}/services/collector/health`, { dispatcher: agent, headers });
    await answer.body.dump();
    return answer.headers['connection'];
  };
  expect(await kept({})).toBe('close');
  expect(await kept({ 'user-agent': 'kinlog' })).toBe('keep-alive');
});
