/** The fake HEC goes wrong as a test tells it. */
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { CA, FakeHec, TOKEN, type Port } from '../../fakes/hec/hec.ts';

const agent = new Agent({ connect: { ca: CA } });
afterAll(() => agent.close());

let hec: FakeHec;
let port: Port;

beforeEach(async () => {
  hec = new FakeHec();
  port = await hec.open();
});
afterEach(() => hec.close());

async function post(body: string, to = port) {
  const headers = { authorization: `Splunk ${TOKEN}` };
  const answer = await request(`${to.url}/services/collector`, { method: 'POST', dispatcher: agent, body, headers });
  const text = await answer.body.text();
  return { status: answer.statusCode, json: text.startsWith('{') ? (JSON.parse(text) as unknown) : text };
}

const taken = () => hec.events.map(({ event }) => event);
const SUCCESS = { status: 200, json: { text: 'Success', code: 0 } };

test('answer the next calls with whatever a test wants, and nothing happens', async () => {
  port.faults.refuse(1, { code: 26, headers: { 'retry-after': '2' } });
  port.faults.refuse(1, { status: 502, body: '<html>' });
  port.faults.refuse(1, { code: 6, invalidEvent: 3 });
  expect(await post('{"event":"x"}')).toMatchObject({ status: 429, json: { code: 26 } });
  expect(await post('{"event":"x"}')).toEqual({ status: 502, json: '<html>' });
  expect(await post('{"event":"x"}')).toEqual({
    status: 400,
    json: { text: 'Invalid data format', code: 6, 'invalid-event-number': 3 },
  });
  expect([taken(), port.faults.left]).toEqual([[], 0]);
});

test.each([false, true])('cut connections behind any byte of a request (TLS: %j)', async (tls) => {
  const cut = await hec.open({ tls });
  const body = `{"event":"${'x'.repeat(200_000)}"}`;
  for (const bytes of [0, 1, 50, 300, 100_000]) {
    cut.faults.cutAfter(bytes, 'request');
    await expect(post(body, cut)).rejects.toThrow();
    expect(cut.faults.left).toBe(0);
  }
  expect(taken()).toEqual([]);
  expect(await post(body, cut)).toEqual(SUCCESS);
});

test.each([false, true])('cut connections behind any byte of an answer (TLS: %j)', async (tls) => {
  const cut = await hec.open({ tls });
  for (const bytes of [0, 1, 20, 100]) {
    cut.faults.cutAfter(bytes, 'answer');
    await expect(post('{"event":"x"}', cut)).rejects.toThrow();
  }
  expect(taken()).toHaveLength(4);
  expect(await post('{"event":"x"}', cut)).toEqual(SUCCESS);
});

test('let it happen and tell nobody, or nobody for a while', async () => {
  port.faults.loseAnswers(1);
  await expect(post('{"event":"a"}')).rejects.toThrow();
  port.faults.holdAnswers();
  const waiting = post('{"event":"b"}');
  while (taken().length < 2) await new Promise(setImmediate);
  port.faults.release();
  expect(await waiting).toEqual(SUCCESS);
  expect(taken()).toEqual(['a', 'b']);
});

test('hold requests, of which nothing happens until they are released', async () => {
  port.faults.hold();
  const waiting = post('{"event":"a"}');
  while (port.calls.length < 1) await new Promise(setImmediate);
  expect(taken()).toEqual([]);
  port.faults.release();
  expect(await waiting).toEqual(SUCCESS);
});

test('are an outage, of one port and not of another', async () => {
  const other = await hec.open();
  port.faults.outage = true;
  await expect(post('{"event":"a"}')).rejects.toThrow();
  expect(await post('{"event":"b"}', other)).toEqual(SUCCESS);
  port.faults.outage = false;
  expect(await post('{"event":"c"}')).toEqual(SUCCESS);
});

test('read slowly', async () => {
  port.faults.readDelayMs = 1;
  expect(await post(`{"event":"${'x'.repeat(500_000)}"}`)).toEqual(SUCCESS);
});
