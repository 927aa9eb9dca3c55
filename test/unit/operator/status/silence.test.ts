/** What a status goes on saying while nothing reads, and for how long. */
import { describe, expect, it } from 'vitest';
import type { Facts, ReaderFacts } from '../../../../operator/reconcile/facts.ts';
import { Followed, MINUTE_MS, notReady, pod, reader, waitingFor, workload } from './known.ts';

const running = (more: Partial<Facts> = {}): Followed => {
  const stream = new Followed();
  stream.pass(more);
  return stream;
};
const told = (more: Partial<ReaderFacts>): Partial<Facts> => ({ reader: reader(more) });
const REFUSED = { part: 'output', code: 'KINLOG_SPLUNK_REFUSED', message: 'no', remedy: 'Mend it.' } as const;

describe('while nothing reads', () => {
  const pending = notReady({ name: 'orders-reader-2', startedAt: undefined, unschedulable: 'no node' });
  const NOBODY = { workload: pending, reader: undefined };
  const HEARD = ['SourceReachable', 'OutputReachable', 'CaughtUp'];
  const heard = (stream: Followed) => HEARD.map((type) => stream.condition(type)!.status);

  it.each<[string, Partial<Facts>]>([
    ['no node takes its pod', NOBODY],
    ['its image can not be pulled', { workload: waitingFor('ImagePullBackOff'), reader: undefined }],
    ['its pods are refused', { workload: notReady({}, { pods: [], podsRefused: 'quota' }), reader: undefined }],
  ])('what a reader told counts for three minutes and then is unheard, until one tells again: %s', (_, known) => {
    const stream = running();
    const { requeueAfterMs } = stream.pass(known, 600_000);
    expect(requeueAfterMs).toBeLessThanOrEqual(180_000);
    stream.pass(known, 179_000);
    expect(heard(stream)).toEqual(['True', 'True', 'True']);
    expect(stream.stream.status).toHaveProperty('lag');
    stream.pass(known, 1000);
    expect(heard(stream)).toEqual(['Unknown', 'Unknown', 'Unknown']);
    expect(stream.stream.status).not.toHaveProperty('lag');
    stream.writes = 0;
    for (let hour = 0; hour < 3; hour++) stream.pass(known, 3_600_000);
    expect(stream.writes).toBeLessThanOrEqual(1);
    const next = workload({ pods: [pod({ name: 'orders-reader-2' })] });
    stream.pass({ workload: next, ...told({ podName: 'orders-reader-2', behindMs: 90_000_000 }) });
    expect(heard(stream)).toEqual(['True', 'True', 'False']);
    expect(stream.stream.status).toMatchObject({ lag: { maxMillisBehindLatest: 86_400_000 } });
  });

  it('the pass asks to be repeated at that time, and no sooner', () => {
    const stream = running();
    // Nothing else is waited for: the Deployment says nothing of why it makes no pod.
    const known = { workload: workload({ replicas: 0, readyReplicas: 0, pods: [] }), reader: undefined };
    expect(stream.pass(known).requeueAfterMs).toBe(180_000);
    expect(stream.pass(known, 100_000).requeueAfterMs).toBe(80_000);
    expect(stream.pass(known, 80_000).requeueAfterMs).toBeUndefined();
  });

  it('a crash loop is unheard once, not with each of its rounds, and why it crashes is told on', () => {
    const words = { exitCode: 100, reason: 'Error', message: 'no (KINLOG_STREAM_NOT_FOUND). Check the name.' };
    const over = { workload: waitingFor('CrashLoopBackOff', { terminated: words, restarts: 9 }), reader: undefined };
    const stream = running();
    stream.pass(over);
    stream.pass(over, 180_000);
    expect(heard(stream)).toEqual(['False', 'Unknown', 'Unknown']);
    expect(stream.stream.status).not.toHaveProperty('lag');
    const { conditions } = stream.stream.status!;
    for (let restarts = 10; restarts < 20; restarts++) {
      const startedAt = new Date(stream.nowMs).toISOString();
      const again = notReady({ terminated: words, restarts, startedAt });
      expect(stream.pass({ workload: again, reader: undefined }, 1000).events).toEqual([]);
      stream.pass(over, MINUTE_MS);
      expect(stream.stream.status!.conditions).toEqual(conditions);
    }
    expect(stream.row).toBe('False False True SourceNotFound');
  });

  it('a reader that could be asked and was not yet, as after a restart of the operator, is believed as before', () => {
    const bad = { workload: notReady(), ...told({ ready: false, behindMs: 900_000, errors: [REFUSED] }) };
    const stream = running(bad);
    stream.pass(bad, 600_000);
    stream.writes = 0;
    stream.pass({ ...bad, reader: undefined }, 5000);
    expect(stream.writes).toBe(0);
    expect(stream.stream.status).toMatchObject({ lag: { maxMillisBehindLatest: 900_000 } });
  });

  it('a restart of the operator writes nothing either', () => {
    const stream = running();
    for (const afterMs of [0, 180_000, 3 * MINUTE_MS]) stream.pass(NOBODY, afterMs);
    stream.writes = 0;
    stream.pass(NOBODY, MINUTE_MS);
    expect(stream.writes).toBe(0);
  });

  it('a pod that has become ready is heard in a moment: until then what was told before counts', () => {
    const stream = running();
    stream.pass(NOBODY);
    stream.pass({ workload: workload({ pods: [pod({ name: 'orders-reader-2' })] }), reader: undefined }, 600_000);
    expect(stream.condition('CaughtUp')).toMatchObject({ status: 'True' });
  });
});
