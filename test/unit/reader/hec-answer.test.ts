/** What each answer of HEC means. Codes: docs.splunk.com, "Troubleshoot HTTP Event Collector". */
import { expect, it } from 'vitest';
import type { HttpAnswer } from '../../../base/http.ts';
import { acknowledged, verdictOn, verdictOnHealth } from '../../../reader/output/hec-answer.ts';

const NOW = Date.UTC(2026, 0, 1);
const answer = (status: number, body: unknown, headers: HttpAnswer['headers'] = {}): HttpAnswer => ({
  status,
  headers,
  text: typeof body === 'string' ? body : JSON.stringify(body),
});
const verdict = (status: number, body: unknown, headers?: HttpAnswer['headers']) =>
  verdictOn(answer(status, body, headers), 'splunk:8088', NOW);

it.each([
  [200, 0, { kind: 'accepted', slower: false }],
  [200, 24, { kind: 'accepted', slower: true }],
  [200, 25, { kind: 'accepted', slower: true }],
  [403, 1, { kind: 'refused', renew: true }],
  [401, 2, { kind: 'refused', renew: true }],
  [401, 3, { kind: 'refused', renew: true }],
  [403, 4, { kind: 'refused', renew: true }],
  [400, 5, { kind: 'refused', renew: false }],
  [400, 6, { kind: 'event', number: 3 }],
  [400, 7, { kind: 'index', number: 3 }],
  [500, 8, { kind: 'away', unsure: false }],
  [503, 9, { kind: 'away', unsure: false }],
  [400, 10, { kind: 'refused', renew: false }],
  [400, 11, { kind: 'refused', renew: false }],
  [400, 12, { kind: 'event', number: 3 }],
  [400, 13, { kind: 'event', number: 3 }],
  [400, 14, { kind: 'refused', renew: false }],
  [400, 15, { kind: 'event', number: 3 }],
  [400, 16, { kind: 'refused', renew: false }],
  [200, 17, { kind: 'refused' }],
  [503, 18, { kind: 'away' }],
  [503, 19, { kind: 'away' }],
  [503, 20, { kind: 'away' }],
  [400, 21, { kind: 'refused', renew: true }],
  [400, 22, { kind: 'refused', renew: true }],
  [503, 23, { kind: 'away' }],
  [429, 26, { kind: 'away' }],
  [429, 27, { kind: 'away' }],
  [400, 99, { kind: 'refused' }],
])('HTTP %i with code %i', (status, code, expected) => {
  const said = verdict(status, { text: 'text', code, ackId: 7, 'invalid-event-number': 3 });
  expect(said).toMatchObject(expected);
  if (said.kind === 'refused') expect(said.error).toMatchObject({ code: 'KINLOG_SPLUNK_REFUSED', retry: 'slow' });
});

it.each([
  [408, { kind: 'away', unsure: true }],
  [413, { kind: 'too-large' }],
  [429, { kind: 'away', unsure: false }],
  [500, { kind: 'away', unsure: false }],
  [502, { kind: 'away', unsure: true }],
  [504, { kind: 'away', unsure: true }],
  [200, { kind: 'refused' }],
  [204, { kind: 'refused' }],
  [302, { kind: 'refused' }],
  [401, { kind: 'refused', renew: true }],
  [403, { kind: 'refused', renew: true }],
  [404, { kind: 'refused', renew: false }],
  [405, { kind: 'refused', renew: false }],
])('HTTP %i of something that is no HEC', (status, expected) => {
  for (const body of ['', '<html>', '[]', 'null', '0', '{"code":"0"}', '{"code":-1}', '{"text":7}', '{'])
    expect(verdict(status, body)).toMatchObject(expected);
});

it.each([
  ['7', 7000],
  ['0', 0],
  ['99999999', 300_000],
  [new Date(NOW + 42_000).toUTCString(), 42_000],
  [new Date(NOW - 42_000).toUTCString(), 0],
  ['soon', undefined],
  ['-3', undefined],
])('a wait of %s', (header, waitMs) => {
  const said = verdict(503, { code: 9 }, { 'retry-after': header });
  if (header === '-3') expect(said).toMatchObject({ kind: 'away' });
  else expect(said).toMatchObject({ kind: 'away', waitMs });
});

it('no text of a server is repeated without an end', () => {
  const said = verdict(503, { code: 9, text: 'x'.repeat(1e6) });
  expect(JSON.stringify(said).length).toBeLessThan(500);
});

it('acknowledged is only what is said to be true', () => {
  const acks = { 1: true, 2: false, 3: 'true', x: true, 4: 1, 5: true };
  expect(acknowledged(answer(200, { acks }))).toEqual([1, 5]);
  for (const body of ['', '[]', '{}', '{"acks":null}', '{"acks":7}', '<html>'])
    expect(acknowledged(answer(200, body))).toBeUndefined();
  expect(acknowledged(answer(503, { acks }))).toBeUndefined();
});

it('health keeps an endpoint waiting only when it says so', () => {
  const health = (status: number, body: unknown) => verdictOnHealth(answer(status, body), 'splunk:8088', NOW)?.kind;
  expect(health(200, { code: 17 })).toBeUndefined();
  expect(health(404, '<html>')).toBeUndefined();
  expect(health(401, { code: 2 })).toBeUndefined();
  expect(health(503, { code: 18 })).toBe('away');
  expect(health(502, '<html>')).toBe('away');
  expect(health(400, { code: 21 })).toBe('refused');
});
