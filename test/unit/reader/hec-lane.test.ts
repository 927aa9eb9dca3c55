/** What a lane believes of acknowledgements while a post is under way, whose answer alone tells whether the server has restarted. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpClient } from '../../../base/http.ts';
import { HecLane } from '../../../reader/output/hec-lane.ts';
import { HecToken } from '../../../reader/output/hec-token.ts';
import { FakeClock } from '../../fakes/clock.ts';

const over = new AbortController();
const BODY = new Uint8Array(8);
let clock: FakeClock;
/** Answers to posts that are held back. */
let held: ServerResponse[];
let asked: number;
let lane: HecLane;
let close: () => Promise<void>;

beforeEach(async () => {
  clock = new FakeClock();
  held = [];
  asked = 0;
  const server = createServer((request, response) => {
    request.resume();
    if (!request.url!.includes('/ack')) held.push(response);
    else {
      asked++;
      response.end(JSON.stringify({ acks: { 0: true } }));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = new HttpClient({ url: new URL(`http://127.0.0.1:${port}`), connections: 2 });
  const token = new HecToken(() => Promise.resolve('token'));
  const ack = { everyMs: 1000, timeoutMs: 300_000 };
  lane = new HecLane({ client, host: 'splunk', token, clock, over: over.signal, ack });
  close = async () => {
    await lane.close();
    server.closeAllConnections();
    server.close();
  };
});
afterEach(() => close());

/** What becomes of a body; its post is answered by `answer`. */
async function post(): Promise<{ said: string[]; answer: (body: object) => Promise<void> }> {
  const said: string[] = [];
  const unacked = { acked: () => said.push('safe'), lost: (why: string) => said.push(`lost: ${why}`) };
  const posted = lane.post(BODY, unacked, over.signal);
  const before = held.length;
  await clock.until(() => held.length > before);
  const response = held.at(-1)!;
  return {
    said,
    answer: async (body) => {
      response.end(JSON.stringify(body));
      await posted;
    },
  };
}

describe('a number that the server calls safe while a post is under way', () => {
  it('is not believed when the answer shows that the server numbers anew', async () => {
    const first = await post();
    await first.answer({ text: 'Success', code: 0, ackId: 0 });
    const second = await post();
    await clock.until(() => asked > 1);
    expect(first.said).toEqual([]);
    await second.answer({ text: 'Success', code: 0, ackId: 0 });
    expect(first.said).toEqual(['lost: the server numbers its acknowledgements anew']);
  });

  it('is believed when the answer shows that it has not restarted', async () => {
    const first = await post();
    await first.answer({ text: 'Success', code: 0, ackId: 0 });
    const second = await post();
    await clock.until(() => asked > 1);
    await second.answer({ text: 'Success', code: 0, ackId: 1 });
    expect(first.said).toEqual(['safe']);
  });

  it('is not believed when the post is refused for an event and what stood ahead may have been numbered', async () => {
    const first = await post();
    await first.answer({ text: 'Success', code: 0, ackId: 0 });
    const second = await post();
    await clock.until(() => asked > 1);
    await second.answer({ text: 'Invalid data format', code: 6, 'invalid-event-number': 2 });
    expect(first.said).toEqual([expect.stringContaining('may have been given to a post that was refused')]);
  });

  it('is believed when nothing stood ahead of the event that was refused', async () => {
    const first = await post();
    await first.answer({ text: 'Success', code: 0, ackId: 0 });
    const second = await post();
    await second.answer({ text: 'Invalid data format', code: 6, 'invalid-event-number': 0 });
    await clock.until(() => first.said.length > 0);
    expect(first.said).toEqual(['safe']);
  });
});
