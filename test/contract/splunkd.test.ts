/** What the fake splunkd does, each with the public source that says so of the real one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Agent, fetch } from 'undici';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Inputs } from '../fakes/splunkd/inputs.ts';
import { CA, FakeSplunkd, type Port } from '../fakes/splunkd/splunkd.ts';

/** As Splunk's own certificate, the fake's names no host. */
const agent = new Agent({ connect: { ca: CA, checkServerIdentity: () => undefined } });
afterAll(() => agent.close());

let splunkd: FakeSplunkd;
let port: Port;

beforeEach(async () => {
  splunkd = new FakeSplunkd();
  splunkd.kv.declare('search', 'test');
  port = await splunkd.open();
});
afterEach(() => splunkd.close());

interface Called {
  readonly status: number;
  readonly json: unknown;
}

const SESSION = 'Splunk session-key-of-the-input';

async function call(method: string, path: string, body?: unknown, authorization = SESSION): Promise<Called> {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const type = typeof body === 'object' ? 'application/json' : 'application/x-www-form-urlencoded';
  const headers = { authorization, 'content-type': type };
  const answer = await fetch(`${port.url}${path}`, { dispatcher: agent, method, headers, body: text ?? null });
  return { status: answer.status, json: await answer.json() };
}

const DATA = '/servicesNS/nobody/search/storage/collections/data/test';
const query = (what: Record<string, string>) => `${DATA}?${new URLSearchParams(what).toString()}`;
const refusal = (status: number, text: string) => ({ status, json: { messages: [{ type: 'ERROR', text }] } });

/** help.splunk.com, REST API reference, "KV store endpoint descriptions"; splunk/splunk-sdk-python, tests/integration/test_kvstore_data.py. */
describe('documents of a collection', () => {
  const fill = async (count: number) => {
    for (let n = 0; n < count; n++) await call('POST', DATA, { _key: String(n), data: `#${n}`, num: n });
  };

  test('an insert tells the key, makes one when there is none, and a document knows its user', async () => {
    expect(await call('POST', DATA, { _key: 'k', num: 1 })).toEqual({ status: 201, json: { _key: 'k' } });
    expect((await call('POST', DATA, { num: 2 })).json).toMatchObject({
      _key: expect.stringMatching(/^[0-9a-f]{24}$/),
    });
    expect(await call('GET', `${DATA}/k`)).toEqual({ status: 200, json: { _key: 'k', _user: 'nobody', num: 1 } });
  });

  /** OpenCTI-Platform/splunk-add-on, issue 20: "HTTP 409 Conflict -- A document with the same key and user already exists." */
  test('an insert of a key that is taken is refused with 409, and changes nothing', async () => {
    await call('POST', DATA, { _key: 'k', num: 1 });
    const again = await call('POST', DATA, { _key: 'k', num: 2 });
    expect(again).toEqual(refusal(409, 'A document with the same key and user already exists.'));
    expect((await call('GET', `${DATA}/k`)).json).toMatchObject({ num: 1 });
  });

  test('of fifty inserts of one key that race, one is accepted', async () => {
    const racers = Array.from({ length: 50 }, (_, num) => call('POST', DATA, { _key: 'k', num }));
    const statuses = (await Promise.all(racers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(49);
  });

  test('a post to a key replaces the whole document, and needs one', async () => {
    await call('POST', DATA, { _key: 'k', data: 'a', num: 1 });
    expect(await call('POST', `${DATA}/k`, { num: 2 })).toEqual({ status: 200, json: { _key: 'k' } });
    expect((await call('GET', `${DATA}/k`)).json).toEqual({ _key: 'k', _user: 'nobody', num: 2 });
    expect((await call('POST', `${DATA}/other`, { num: 2 })).status).toBe(404);
  });

  test("a user does not see another's documents, and may use the same keys", async () => {
    await call('POST', DATA, { _key: 'k' });
    const other = DATA.replace('nobody', 'admin');
    expect((await call('GET', other)).json).toEqual([]);
    expect((await call('POST', other, { _key: 'k' })).status).toBe(201);
  });

  test('queries, sort, skip, limit and fields work as in MongoDB', async () => {
    await fill(10);
    const find = async (what: Record<string, string>) => (await call('GET', query(what))).json as { num: number }[];
    const nums = async (what: unknown) => (await find({ query: JSON.stringify(what) })).map(({ num }) => num);
    expect(await nums({ num: 7 })).toEqual([7]);
    expect(await nums({ num: { $gt: 6, $lte: 8 } })).toEqual([7, 8]);
    expect(await nums({ _key: { $gte: '8', $lt: '9' } })).toEqual([8]);
    expect(await nums({ $or: [{ num: 1 }, { num: { $lt: 1 } }] })).toEqual([0, 1]);
    expect(await nums({ $and: [{ num: { $gte: 8 } }, { num: { $ne: 9 } }] })).toEqual([8]);
    expect(await find({ sort: 'data:-1', skip: '9' })).toMatchObject([{ data: '#0' }]);
    expect(await find({ sort: 'num', skip: '2', limit: '3' })).toMatchObject([{ num: 2 }, { num: 3 }, { num: 4 }]);
    expect(await find({ fields: 'num', limit: '1' })).toEqual([{ _key: '0', num: 0 }]);
    expect(await find({ fields: 'num,_key:0', limit: '1' })).toEqual([{ num: 0 }]);
  });

  test('a delete with a query takes what matches, without one everything', async () => {
    await fill(10);
    await call('DELETE', query({ query: '{"num":{"$gt":4}}' }));
    expect((await call('GET', DATA)).json).toHaveLength(5);
    expect((await call('DELETE', `${DATA}/0`)).status).toBe(200);
    expect((await call('DELETE', `${DATA}/0`)).status).toBe(404);
    await call('DELETE', DATA);
    expect((await call('GET', DATA)).json).toEqual([]);
  });

  /** splunk/splunk-sdk-python, tests/integration/test_kvstore_batch.py; limits.conf, [kvstore]. */
  test('batch_save writes whatever was there, batch_find answers each query, a thousand of either at most', async () => {
    const documents = Array.from({ length: 1000 }, (_, n) => ({ _key: String(n), num: n }));
    expect((await call('POST', `${DATA}/batch_save`, documents)).json).toHaveLength(1000);
    expect((await call('POST', `${DATA}/batch_save`, [{ _key: '0', num: -1 }])).json).toEqual(['0']);
    const queries = [{ query: { num: -1 } }, { query: { num: 5 } }, { query: { num: 1e6 } }];
    const found = (await call('POST', `${DATA}/batch_find`, queries)).json;
    expect(found).toMatchObject([[{ _key: '0' }], [{ _key: '5' }], []]);
    expect((await call('POST', `${DATA}/batch_save`, [...documents, {}])).status).toBe(400);
  });

  /** limits.conf, [kvstore] max_rows_per_query = 50000. */
  test('an answer with more rows than the limit is cut, and says nothing about it', async () => {
    const collection = splunkd.kv.declare('search', 'test');
    await fill(10);
    collection.maxRows = 4;
    expect((await call('GET', DATA)).json).toHaveLength(4);
    expect((await call('GET', query({ limit: '8' }))).json).toHaveLength(4);
  });

  test('what is no JSON, no document, or no query is refused with 400', async () => {
    expect((await call('POST', DATA, 'NOT VALID DATA')).status).toBe(400);
    expect((await call('POST', DATA, '[1]')).status).toBe(400);
    await fill(1);
    expect((await call('GET', query({ query: '{"num":{"$near":1}}' }))).status).toBe(400);
    expect((await call('GET', query({ query: 'num' }))).status).toBe(400);
  });

  test('an unknown collection is not found until it is created', async () => {
    const config = '/servicesNS/nobody/search/storage/collections/config';
    expect((await call('GET', DATA.replace('/test', '/more'))).status).toBe(404);
    expect((await call('POST', config, 'name=more')).status).toBe(201);
    expect((await call('POST', config, 'name=more')).status).toBe(409);
    expect((await call('GET', DATA.replace('/test', '/more'))).json).toEqual([]);
    expect((await call('GET', config)).json).toMatchObject({ entry: [{ name: 'test' }, { name: 'more' }] });
  });
});

/** help.splunk.com, REST API reference, "Introspection endpoint descriptions", kvstore/status and server/info. */
describe('the state of the instance', () => {
  const status = async () => (await call('GET', '/services/kvstore/status?output_mode=json')).json;

  test('a KV store that is starting answers 503 until it is ready', async () => {
    port.faults.kvStatus = 'starting';
    port.faults.readyAfter = 1;
    expect(await call('GET', DATA)).toEqual(refusal(503, 'KV Store is initializing. Please try again later.'));
    expect(await status()).toMatchObject({ entry: [{ content: { current: { status: 'starting' } } }] });
    expect(await status()).toMatchObject({ entry: [{ content: { current: { status: 'ready' } } }] });
    expect((await call('GET', DATA)).status).toBe(200);
  });

  /** help.splunk.com, Admin manual, "Manage the KV store workload with read-only mode" (9.4.2 and later). Which status it has there is not said: 500 is a guess. */
  test('in read-only mode writes fail while reads work', async () => {
    port.faults.readOnly = true;
    expect((await call('POST', DATA, {})).status).toBe(500);
    expect((await call('GET', DATA)).status).toBe(200);
    expect((await call('POST', `${DATA}/batch_find`, [{ query: {} }])).status).toBe(200);
  });

  test('server/info tells version and roles', async () => {
    const info = (await call('GET', '/services/server/info?output_mode=json')).json;
    expect(info).toMatchObject({
      entry: [{ content: { version: '9.4.2', server_roles: ['heavyweight_forwarder', 'kv_store'] } }],
    });
  });

  /** help.splunk.com, REST API user manual, "Basic concepts": `Authorization: Splunk <session key>`, `Authorization: Bearer <token>`. */
  test.each([
    [SESSION, 200],
    ['Bearer token-of-a-user', 200],
    ['Bearer session-key-of-the-input', 401],
    ['Splunk wrong', 401],
    ['', 401],
  ])('%j is answered with %i', async (authorization, expected) => {
    expect((await call('GET', DATA, undefined, authorization)).status).toBe(expected);
  });
});

/** dev.splunk.com, "Manage secret storage using the Splunk REST API"; splunk/splunk-sdk-python, tests/integration/test_storage_passwords.py. */
describe('storage/passwords', () => {
  const PASSWORDS = '/servicesNS/nobody/kinloader/storage/passwords';
  const json = (path: string) => `${path}?output_mode=json&count=0`;
  const form = (fields: Record<string, string>) => new URLSearchParams({ output_mode: 'json', ...fields }).toString();

  test('a secret is created once, read in clear and masked, changed, and deleted', async () => {
    const secret = { name: 'user1', realm: 'realm1', password: 'p1' };
    expect((await call('POST', PASSWORDS, form(secret))).status).toBe(201);
    expect((await call('POST', PASSWORDS, form(secret))).status).toBe(409);
    const content = { realm: 'realm1', username: 'user1', clear_password: 'p1', password: '********' };
    expect((await call('GET', json(PASSWORDS))).json).toMatchObject({ entry: [{ name: 'realm1:user1:', content }] });
    const one = `${PASSWORDS}/${encodeURIComponent('realm1:user1:')}`;
    expect((await call('POST', one, form({ password: 'p2' }))).status).toBe(200);
    expect((await call('POST', one, form({ password: 'p2', realm: 'x' }))).status).toBe(400);
    expect(splunkd.passwords.clear('kinloader', 'realm1', 'user1')).toBe('p2');
    expect((await call('DELETE', json(one))).status).toBe(200);
    expect((await call('GET', json(one))).status).toBe(404);
  });

  test('colons are escaped in the name of a secret, and the realm may be empty', async () => {
    await call('POST', PASSWORDS, form({ name: 'a:b', password: 'p' }));
    expect((await call('GET', json(PASSWORDS))).json).toMatchObject({ entry: [{ name: ':a\\:b:' }] });
    expect((await call('GET', json(`${PASSWORDS}/${encodeURIComponent(':a\\:b:')}`))).status).toBe(200);
  });

  /** authorize.conf: list_storage_passwords to read, edit_storage_passwords to write. */
  test.each([
    ['list_storage_passwords', 'GET'],
    ['edit_storage_passwords', 'POST'],
  ])('without the capability %s, %s is refused with 403', async (capability, method) => {
    port.faults.denied.add(capability);
    const body = method === 'POST' ? form({ name: 'user1', password: 'p1' }) : undefined;
    const { status, json: said } = await call(method, json(PASSWORDS), body);
    expect(status).toBe(403);
    expect(said).toMatchObject({ messages: [{ text: expect.stringContaining(capability) }] });
  });

  /** limits.conf, [storage_passwords_masking]. What stands in the place of the secret is not said: asterisks are a guess. */
  test('to whom secrets are masked, they are not given', async () => {
    await call('POST', PASSWORDS, form({ name: 'user1', password: 'p1' }));
    port.faults.maskedPasswords = true;
    expect((await call('GET', json(PASSWORDS))).json).toMatchObject({
      entry: [{ content: { username: 'user1', clear_password: '********' } }],
    });
  });

  /** help.splunk.com, REST API reference, "Request and response details": f filters the response. */
  test('only the fields that were asked for are told', async () => {
    await call('POST', PASSWORDS, form({ name: 'user1', realm: 'realm1', password: 'p1' }));
    const { json: said } = await call('GET', `${json(PASSWORDS)}&f=realm&f=username`);
    expect((said as { entry: { content: unknown }[] }).entry[0]!.content).toEqual({
      realm: 'realm1',
      username: 'user1',
    });
  });

  test('a page has thirty entries unless told otherwise', async () => {
    for (let n = 0; n < 31; n++) await call('POST', PASSWORDS, form({ name: `u${n}`, password: 'p' }));
    const listed = async (count: string) => (await call('GET', `${PASSWORDS}?output_mode=json${count}`)).json;
    expect(await listed('')).toMatchObject({ entry: { length: 30 }, paging: { total: 31 } });
    expect(await listed('&count=0')).toMatchObject({ entry: { length: 31 } });
  });
});

/** help.splunk.com, REST API reference, "Input endpoint descriptions", data/inputs/{modular input}. */
describe('data/inputs', () => {
  const INPUTS = '/servicesNS/nobody/kinloader/data/inputs/kinesis_log';

  test('stanzas are listed, edited and disabled, and each of that is told to whoever runs the input', async () => {
    splunkd.inputs.stanzas.set('kinesis_log/main', { stream_name: 'logs', disabled: '0' });
    expect((await call('GET', `${INPUTS}?output_mode=json`)).json).toMatchObject({
      entry: [{ name: 'main', content: { stream_name: 'logs' } }],
    });
    await call('POST', `${INPUTS}/main`, 'output_mode=json&stream_name=other');
    await call('POST', `${INPUTS}/main/disable`, 'output_mode=json');
    await call('POST', `${INPUTS}/_reload`, 'output_mode=json');
    expect(splunkd.inputs.stanzas.get('kinesis_log/main')).toEqual({ stream_name: 'other', disabled: '1' });
    expect(splunkd.inputs.happened).toEqual(['edit kinesis_log/main', 'edit kinesis_log/main', 'reload kinesis_log']);
    expect((await call('POST', `${INPUTS}/none`, 'output_mode=json')).status).toBe(404);
    expect((await call('POST', INPUTS, 'output_mode=json&name=two&stream_name=s')).status).toBe(201);
    expect((await call('DELETE', `${INPUTS}/two?output_mode=json`)).status).toBe(200);
  });

  /** help.splunk.com, REST API reference, "Configuration endpoint descriptions", configs/conf-{file}; Admin manual, "Configuration file precedence". */
  test('the file of an app tells its own settings, though another file has more weight for the input', async () => {
    splunkd.inputs.stanzas.set('kinesis_log/main', { stream_name: 'logs' });
    splunkd.inputs.overriding.set('kinesis_log/main', { stream_name: 'other' });
    const conf = '/servicesNS/nobody/kinloader/configs/conf-inputs';
    const { json } = await call('GET', `${conf}/${encodeURIComponent('kinesis_log://main')}?output_mode=json`);
    expect(json).toMatchObject({ entry: [{ content: { stream_name: 'logs' } }] });
    expect(splunkd.inputs.effective('kinesis_log/main')).toEqual({ stream_name: 'other' });
    expect((await call('GET', `${conf}/none?output_mode=json`)).status).toBe(404);
  });

  /** help.splunk.com, "Set up external validation": the input is asked on create and on edit, and its message is shown. */
  test('what the input itself refuses is not stored, and its message is the answer', async () => {
    const changed: string[] = [];
    splunkd.inputs.runner = {
      refusal: async (_, name, { stream_name }) => (stream_name === 'bad' ? `${name}: no such stream` : undefined),
      changed: (scheme, name) => changed.push(`${scheme}://${name}`),
    };
    const refused = await call('POST', INPUTS, 'output_mode=json&name=one&stream_name=bad');
    expect(refused).toMatchObject({ status: 400, json: { messages: [{ text: 'one: no such stream' }] } });
    expect((await call('POST', INPUTS, 'output_mode=json&name=one&stream_name=good')).status).toBe(201);
    expect((await call('POST', `${INPUTS}/one`, 'output_mode=json&stream_name=bad')).status).toBe(400);
    expect(splunkd.inputs.stanzas.get('kinesis_log/one')).toMatchObject({ stream_name: 'good' });
    expect(changed).toEqual(['kinesis_log://one']);
  });

  test('hosts of one cluster have stanzas and roles of their own', async () => {
    const second = { inputs: new Inputs(), serverRoles: ['shc_captain'] };
    const port = await splunkd.open({ tls: false, host: second });
    const answer = await fetch(`${port.url}/services/server/info?output_mode=json`, {
      headers: { authorization: SESSION },
    });
    expect(await answer.json()).toMatchObject({ entry: [{ content: { server_roles: ['shc_captain'] } }] });
    await fetch(`${port.url}${INPUTS}`, {
      method: 'POST',
      headers: { authorization: SESSION },
      body: 'output_mode=json&name=one',
    });
    expect([...second.inputs.stanzas.keys()]).toEqual(['kinesis_log/one']);
    expect(splunkd.inputs.stanzas.size).toBe(0);
  });
});

test('as a process it tells its address, takes the session key of its environment, and ends on SIGTERM', async () => {
  const main = path.join(import.meta.dirname, '../fakes/splunkd/main.ts');
  const env = { ...process.env, KINLOG_SPLUNK_SESSION_KEY: 'another' };
  const child = spawn(process.execPath, [main, 'app/rows'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const address = `${line.toString().trim()}/servicesNS/nobody/app/storage/collections/data/rows`;
    const answer = await fetch(address, { dispatcher: agent, headers: { authorization: 'Splunk another' } });
    expect(await answer.json()).toEqual([]);
  } finally {
    child.kill('SIGTERM');
  }
  expect(await ended).toEqual([0, null]);
});
