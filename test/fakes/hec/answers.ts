/** The answers of Splunk's HTTP Event Collector: each code with its text and status.
 *  Codes 0–16: help.splunk.com, "Troubleshoot HTTP Event Collector", table of error codes; the others: Suhaibinator/open-splunk, internal/hec/response.go. */

const RESULTS = {
  0: [200, 'Success'],
  1: [403, 'Token disabled'],
  2: [401, 'Token is required'],
  3: [401, 'Invalid authorization'],
  4: [403, 'Invalid token'],
  5: [400, 'No data'],
  6: [400, 'Invalid data format'],
  7: [400, 'Incorrect index'],
  8: [500, 'Internal server error'],
  9: [503, 'Server is busy'],
  10: [400, 'Data channel is missing'],
  11: [400, 'Invalid data channel'],
  12: [400, 'Event field is required'],
  13: [400, 'Event field cannot be blank'],
  14: [400, 'ACK is disabled'],
  15: [400, 'Error in handling indexed fields'],
  16: [400, 'Query string authorization is not enabled'],
  17: [200, 'HEC is healthy'],
  18: [503, 'HEC is unhealthy, queues are full'],
  19: [503, 'HEC is unhealthy, ack service unavailable'],
  20: [503, 'HEC is unhealthy, queues are full, ack service unavailable'],
  21: [400, 'Invalid token'],
  22: [400, 'Token disabled'],
  23: [503, 'Server is shutting down'],
  24: [200, 'HEC queue is approaching its capacity limit'],
  25: [200, 'HEC ACK is approaching its capacity limit'],
  26: [429, 'HEC queue is at capacity and cannot process any more requests'],
  27: [429, 'HEC ACK channel is at capacity and cannot process any more requests'],
} as const satisfies Record<number, readonly [status: number, text: string]>;

export type Code = keyof typeof RESULTS;

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** `more`: what stands behind the code, such as `ackId`. */
export function answerOf(code: Code, more: Readonly<Record<string, number | undefined>> = {}): Answer {
  const [status, text] = RESULTS[code];
  return { status, body: JSON.stringify({ text, code, ...more }) };
}

/** What a load balancer or a proxy says in HEC's place. */
export const html = (status: number): Answer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: `<html><head><title>${status}</title></head><body>nginx</body></html>`,
});
