/** Asks a container over HTTP, as often and as patiently as its probe says. */
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { Container, Probe } from './types.ts';

export interface Probing {
  readonly container: Container;
  readonly podIp: string;
  /** Periods are multiplied by it, so that tests need not wait for them. */
  readonly periodFactor: number;
  /** Failures that count as one, so that looking more often is not less patient. */
  readonly patience?: number;
  readonly signal: AbortSignal;
}

/** As the server fills them in. */
const COUNTS = {
  initialDelaySeconds: 0,
  periodSeconds: 10,
  timeoutSeconds: 1,
  successThreshold: 1,
  failureThreshold: 3,
};

/** Tells the verdict whenever it is sure, until it hears `enough` or the signal. */
export async function probe(
  what: Probe,
  { container, podIp, periodFactor, patience = 1, signal }: Probing,
  verdict: (healthy: boolean) => 'go on' | 'enough',
): Promise<void> {
  const counts = { ...COUNTS, ...what };
  const url = addressOf(what, container, podIp);
  await pause(counts.initialDelaySeconds * 1000 * periodFactor, signal);
  let healthy = false;
  let alike = 0;
  while (!signal.aborted) {
    const is = await answers(url, counts.timeoutSeconds * 1000);
    alike = is === healthy ? alike + 1 : 1;
    healthy = is;
    const sure = alike >= (healthy ? counts.successThreshold : counts.failureThreshold * patience);
    if (isOver(signal) || (sure && verdict(healthy) === 'enough')) return;
    await pause(counts.periodSeconds * 1000 * periodFactor, signal);
  }
}

/** Asked anew after each wait. */
const isOver = (signal: AbortSignal): boolean => signal.aborted;

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

function addressOf({ httpGet }: Probe, { ports }: Container, podIp: string): string {
  if (httpGet === undefined) throw new RangeError('this kubelet knows HTTP probes only');
  const { host = podIp, port, path = '/' } = httpGet;
  const named = ports?.find(({ name }) => name === port)?.containerPort;
  return `http://${host}:${named ?? port}${path}`;
}

async function answers(url: string, withinMs: number): Promise<boolean> {
  try {
    const headers = { 'user-agent': 'kube-probe/1.36', connection: 'close' };
    const { body, statusCode } = await request(url, { signal: AbortSignal.timeout(withinMs), headers });
    await body.dump();
    return statusCode >= 200 && statusCode < 400;
  } catch {
    return false;
  }
}
