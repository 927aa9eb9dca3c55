/** Looks at a Splunk host for what keeps events from arriving. Every check stands alone, is bounded in time, and changes nothing. */
import { unlessAborted } from '../../base/clock.ts';
import { KinlogError } from '../../base/errors.ts';
import { checkApp, checkFiles, checkScheme } from './check-app.ts';
import { checkInputs } from './check-inputs.ts';
import { checkMetrics } from './check-metrics.ts';
import { checkNetwork } from './check-network.ts';
import { checkPositions } from './check-positions.ts';
import { checkProcesses } from './check-processes.ts';
import { checkSplunkd } from './check-splunkd.ts';
import { checkSplunkdLog } from './check-splunkd-log.ts';
import { warning, type Finding } from './finding.ts';
import { readHost, type Host, type HostOptions } from './host.ts';
import { withoutSecrets } from './redact.ts';

type Check = (host: Host, signal: AbortSignal) => Promise<Finding[]>;

/** In the order that they are told in. */
const CHECKS: readonly (readonly [name: string, check: Check])[] = [
  ['app', checkApp],
  ['scheme', checkScheme],
  ['files', checkFiles],
  ['inputs', checkInputs],
  ['processes', checkProcesses],
  ['positions', checkPositions],
  ['metrics', checkMetrics],
  ['splunkd', checkSplunkd],
  ['network', checkNetwork],
  ['splunkd.log', checkSplunkdLog],
];

export type NamedFinding = Finding & { readonly check: string };

/** No finding holds a secret that the conf files do. */
export async function examine(options: HostOptions): Promise<NamedFinding[]> {
  const host = await inTime(() => readHost(options), options.withinMs);
  const found = await Promise.all(
    CHECKS.map(async ([name, check]) => (await bounded(check, host)).map((finding) => ({ check: name, ...finding }))),
  );
  const secrets = [
    ...host.secrets,
    ...(options.authorization === undefined ? [] : options.authorization.split(' ').slice(1)),
  ];
  return found.flat().map((finding) => ({
    ...finding,
    text: withoutSecrets(finding.text, secrets),
    ...(finding.remedy === undefined ? {} : { remedy: withoutSecrets(finding.remedy, secrets) }),
  }));
}

async function bounded(check: Check, host: Host): Promise<Finding[]> {
  try {
    return await inTime((signal) => check(host, signal), host.withinMs);
  } catch (error) {
    const text = `this could not be looked at: ${(error as Error).message}`;
    return [warning(text, 'Look again as root or as the user of splunkd; a disk may not answer.')];
  }
}

/** The work is told when its time is over, and then nobody waits for it. */
async function inTime<T>(work: (signal: AbortSignal) => Promise<T>, withinMs: number): Promise<T> {
  const over = new AbortController();
  const late = new KinlogError('KINLOG_SERVICE_UNAVAILABLE', `it took longer than ${withinMs / 1000} s`, {
    remedy: 'Look at the disks of this host: one of them may not answer.',
  });
  const timer = setTimeout(() => over.abort(late), withinMs);
  try {
    return await unlessAborted(work(over.signal), over.signal);
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}
