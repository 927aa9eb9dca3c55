/** What the operator tells Prometheus of its LogStreams. */
import { describe, expect, it } from 'vitest';
import { Cache } from '../../../../operator/kube/cache.ts';
import type { LogStream } from '../../../../operator/logstream.ts';
import { OperatorMetrics } from '../../../../operator/metrics.ts';

function scene() {
  const logStreams = new Cache<LogStream>();
  const metrics = new OperatorMetrics();
  metrics.observe({
    queue: { depth: 0, unfinishedMs: 0, longestRunningMs: 0 },
    workers: { active: 0 },
    workerCount: 1,
    logStreams,
    leads: () => true,
    leaseName: 'lease',
    version: '0',
  });
  let version = 0;
  return {
    put: (name: string, ...conditions: { type: string; status: string; reason: string }[]) => {
      const metadata = { name, namespace: 'logs', uid: name, resourceVersion: String((version += 1)) };
      logStreams.put({ metadata, status: { conditions } } as unknown as LogStream);
    },
    lines: async (metric: string): Promise<string[]> => {
      const all = (await metrics.registry.metrics()).split('\n');
      return all.filter((line) => line.startsWith(`${metric}{`));
    },
  };
}

const RUNS = { type: 'Ready', status: 'True', reason: 'Running' };
const stalled = (reason: string) => ({ type: 'Stalled', status: 'True', reason });
const STALLED = 'kinlog_operator_logstreams_stalled';

describe('the metrics of LogStreams', () => {
  it('count by the status of Ready, and tell nobody as 0', async () => {
    const { put, lines } = scene();
    put('a', RUNS);
    put('b');
    expect(await lines('kinlog_operator_logstreams')).toEqual([
      'kinlog_operator_logstreams{ready="True"} 1',
      'kinlog_operator_logstreams{ready="False"} 0',
      'kinlog_operator_logstreams{ready="Unknown"} 1',
    ]);
  });

  it('count those that are Stalled by the reason, though their reader runs', async () => {
    const { put, lines } = scene();
    put('a', RUNS, stalled('QuotaExceeded'));
    put('b', stalled('QuotaExceeded'), { ...RUNS, status: 'False' });
    put('c', RUNS, { type: 'Stalled', status: 'False', reason: 'Running' });
    put('d', RUNS);
    expect(await lines(STALLED)).toEqual([`${STALLED}{reason="QuotaExceeded"} 2`]);
  });

  it('forget a reason that nobody is Stalled by any more', async () => {
    const { put, lines } = scene();
    put('a', stalled('InvalidConfig'));
    expect(await lines(STALLED)).toEqual([`${STALLED}{reason="InvalidConfig"} 1`]);
    put('a', { type: 'Stalled', status: 'False', reason: 'Running' });
    expect(await lines(STALLED)).toEqual([]);
  });

  it('have one series for all reasons that this version does not know', async () => {
    const { put, lines } = scene();
    for (const reason of ['One', 'Another', 'constructor']) put(reason, stalled(reason));
    expect(await lines(STALLED)).toEqual([`${STALLED}{reason="Other"} 3`]);
  });
});
