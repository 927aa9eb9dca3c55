/** The smallest spec of a LogStream there is, and changes to it. */

/** Merged into the spec; null removes. */
export type Change = Readonly<Record<string, unknown>>;

export const SMALLEST = {
  source: { streamName: 'access-logs', region: 'eu-west-1' },
  outputs: [
    {
      name: 'splunk',
      type: 'SplunkHEC',
      splunkHEC: { urls: ['https://splunk:8088'], tokenSecretRef: { name: 'hec', key: 'token' } },
    },
  ],
};

/** Merged as a JSON merge patch does (RFC 7396). */
export function merged(target: unknown, change: unknown): unknown {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return change;
  const before = new Map<string, unknown>(Object.entries(target ?? {}));
  for (const [name, value] of Object.entries(change))
    if (value === null) before.delete(name);
    else before.set(name, merged(before.get(name), value));
  return Object.fromEntries(before);
}

export const ARN = 'arn:aws:kinesis:eu-west-1:123456789012:stream/access-logs';
export const ROLE = 'arn:aws:iam::123456789012:role/kinlog';
export const TIME = '2026-01-31T10:00:00Z';
export const SECRET = { name: 'some', key: 'some' };
export const KV_STORE = { url: 'https://splunk:8089', tokenSecretRef: SECRET };
export const HEC = SMALLEST.outputs[0]!.splunkHEC;

export const source = (change: Change) => ({ source: change });
export const checkpoint = (change: Change) => ({ checkpoint: change });
export const hec = (change: Change) => ({
  outputs: [{ name: 'splunk', type: 'SplunkHEC', splunkHEC: merged(HEC, change) }],
});
export const paused = (change: Change) => ({ ...change, paused: true });
