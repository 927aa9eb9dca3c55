/** Waits for the streams of a freshly started server. */
import type { Peer } from './process.ts';

const LIMIT_MS = 30_000;
const PAUSE_MS = 50;

export async function untilActive(peer: Peer, streams: readonly string[]): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  for (const stream of streams) {
    while (!(await isActive(peer.url, stream))) {
      if (performance.now() > deadline) {
        await peer.close();
        throw new Error(`stream ${stream} was not active within ${LIMIT_MS} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/** By the wire alone, so that a test of the SDK does not stand on the SDK. */
async function isActive(url: string, stream: string): Promise<boolean> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-amz-json-1.1',
      'X-Amz-Target': 'Kinesis_20131202.DescribeStreamSummary',
      Authorization:
        'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0',
      'X-Amz-Date': '20260101T000000Z',
    },
    body: JSON.stringify({ StreamName: stream }),
  });
  return (await answer.text()).includes('"ACTIVE"');
}
