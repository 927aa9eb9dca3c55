/** What the conditions say in each situation, and what kubectl, Flux, Helm and Argo CD make of it. */
import { describe, expect, it } from 'vitest';
import type { Facts, PodFacts } from '../../../../operator/reconcile/facts.ts';
import { REASONS } from '../../../../operator/reconcile/reasons.ts';
import { facts, Followed, MINUTE_MS, notReady, pod, reader, START_MS, waitingFor, workload } from './known.ts';
import { NEVER_BEGUN, PAUSED, problem, refused, ROWS, type Row } from './rows.ts';
import { kstatus, waitSettles } from './tools.ts';

const followed = ({ ran, known, afterMs }: Pick<Row, 'ran' | 'known' | 'afterMs'>): Followed => {
  const followed = new Followed();
  if (ran === true) followed.pass();
  followed.pass(known);
  followed.pass(known, afterMs ?? 0);
  return followed;
};

describe('the table', () => {
  it.each(ROWS)('$name ($kstatus)', (row) => {
    const stream = followed(row);
    expect(stream.row).toBe(row.row);
    expect(kstatus(stream.read)).toBe(row.kstatus);
  });

  it.each(ROWS)('$name: every reason is one of the list', (row) => {
    for (const { reason, message } of followed(row).stream.status!.conditions!) {
      expect(Object.keys(REASONS)).toContain(reason);
      expect(message).toMatch(/\S/);
    }
  });
});

describe('kubectl wait --for=condition=Ready', () => {
  it('settles when the reader runs, and when a pause is reached', () => {
    const stream = new Followed();
    stream.pass({ firstSeen: true, ...NEVER_BEGUN });
    expect(waitSettles(stream.read, 'ready')).toBe(false);
    stream.pass();
    expect(waitSettles(stream.read, 'ready')).toBe(true);
    stream.pass(PAUSED);
    expect(waitSettles(stream.read, 'Ready')).toBe(true);
  });

  it('does not settle for a spec that can not be brought about though the reader of the one before runs', () => {
    const stream = new Followed();
    stream.pass();
    stream.pass({ generation: 2, applyProblem: problem('InvalidPodTemplate') });
    expect(stream.row).toBe('True False True InvalidPodTemplate');
    expect(stream.condition('Ready')).toMatchObject({ observedGeneration: 1 });
    expect(waitSettles(stream.read, 'Ready')).toBe(false);
    expect(kstatus(stream.read)).toBe('Failed');
    stream.pass({ generation: 2 });
    expect(waitSettles(stream.read, 'Ready')).toBe(true);
  });

  it('does not settle before the new spec was looked at', () => {
    const stream = new Followed();
    stream.pass();
    expect(waitSettles({ ...stream.read, generation: 2 }, 'Ready')).toBe(false);
    expect(kstatus({ ...stream.read, generation: 2 })).toBe('InProgress');
  });
});

describe('a new spec for a reader that has stalled', () => {
  const REFUSED = refused('output', 'KINLOG_SPLUNK_REFUSED');
  const UNSEEN = { current: false };
  const GOING = { replicas: 0, updatedReplicas: 0, readyReplicas: 0 };
  const leaving = (nowMs: number, more: Partial<PodFacts> = {}) =>
    pod({ ready: false, terminating: { sinceMs: nowMs, graceMs: MINUTE_MS }, ...more });
  const stalled = (known: Partial<Facts>): Followed => {
    const stream = followed({ ran: true, known, afterMs: 5 * MINUTE_MS });
    expect(kstatus(stream.read)).toBe('Failed');
    return stream;
  };
  const comesTo = (stream: Followed, known: Partial<Facts>, row = 'False True False Progressing') => {
    stream.pass({ generation: 2, ...known }, 1000);
    expect([stream.row, kstatus(stream.read)]).toEqual([row, row.startsWith('False True') ? 'InProgress' : 'Failed']);
  };

  it.each<[string, Partial<Facts>]>([
    ['the reader is refused', REFUSED],
    ['the image can not be pulled', { workload: waitingFor('ImagePullBackOff'), reader: undefined }],
    ['it crashes again and again', { workload: waitingFor('CrashLoopBackOff', { restarts: 9 }), reader: undefined }],
    ['nobody knows why', { workload: notReady(), reader: reader({ ready: false }) }],
    ['the deadline is over', { ...REFUSED, workload: notReady({}, { progressDeadlineExceeded: true }) }],
  ])('is a rollout until the next pod says otherwise, though the old one is still there: %s', (_, known) => {
    const stream = stalled(known);
    comesTo(stream, { ...known, workload: { ...known.workload!, ...UNSEEN } });
    // Until the next ReplicaSet is made the Deployment keeps what it said of the last one.
    comesTo(stream, { ...known, workload: { ...known.workload!, updatedReplicas: 0 } });
    const pods = [leaving(stream.nowMs)];
    comesTo(stream, { reader: undefined, workload: { ...known.workload!, ...GOING, pods } });
    const next = { name: 'orders-reader-2', createdMs: stream.nowMs };
    comesTo(stream, { reader: undefined, workload: notReady({ ...next, startedAt: undefined }) });
    const { errors } = REFUSED.reader!;
    const again = reader({ podName: 'orders-reader-2', ready: false, errors });
    comesTo(stream, { reader: again, workload: notReady(next) }, 'False False True OutputRejected');
  });

  it('is a rollout though no field of it has changed, as when a Secret was corrected', () => {
    const stream = stalled(REFUSED);
    comesTo(stream, { ...REFUSED, generation: 1, workload: notReady({}, UNSEEN) });
    comesTo(stream, { ...REFUSED, generation: 1, workload: notReady({}, { updatedReplicas: 0 }) });
  });

  describe('with Overlap, where the old pod goes last', () => {
    const both = (next: Partial<PodFacts>, old: Partial<PodFacts> = {}) =>
      workload({
        replicas: 2,
        readyReplicas: 0,
        pods: [
          pod({ ready: false, ...old }),
          pod({ name: 'orders-reader-2', ready: false, createdMs: START_MS + 5 * MINUTE_MS, ...next }),
        ],
      });
    const STARTING = { startedAt: undefined };

    it('is a rollout until the next pod says otherwise', () => {
      const stream = stalled(REFUSED);
      comesTo(stream, { ...REFUSED, workload: notReady({}, UNSEEN) });
      comesTo(stream, { ...REFUSED, workload: both(STARTING) });
      comesTo(stream, { ...REFUSED, workload: both(STARTING) });
      const workload = both({ ...STARTING, unschedulable: 'no node' });
      comesTo(stream, { ...REFUSED, workload }, 'False True False ReaderUnschedulable');
      comesTo(stream, { ...REFUSED, workload: both(STARTING) });
    });

    it('is a rollout though the old pod crashes and says why', () => {
      const terminated = { exitCode: 100, reason: 'Error', message: 'no (KINLOG_STREAM_NOT_FOUND). Check the name.' };
      const known = { reader: undefined, workload: waitingFor('CrashLoopBackOff', { terminated }) };
      const old = known.workload.pods[0]!;
      const stream = stalled(known);
      comesTo(stream, { ...known, workload: { ...known.workload, ...UNSEEN } });
      comesTo(stream, { ...known, workload: both(STARTING, old) });
      comesTo(stream, { ...known, workload: both(STARTING, old) });
    });

    it('stays stalled for what the next pod has said when the operator begins anew', () => {
      const stream = stalled(REFUSED);
      comesTo(stream, { ...REFUSED, workload: notReady({}, UNSEEN) });
      const said = reader({ podName: 'orders-reader-2', ready: false, errors: REFUSED.reader!.errors });
      comesTo(stream, { reader: said, workload: both({}) }, 'False False True OutputRejected');
      stream.writes = 0;
      comesTo(stream, { reader: undefined, workload: both({}) }, 'False False True OutputRejected');
      expect(stream.writes).toBe(0);
    });
  });

  it('tells what keeps the next pod from being made', () => {
    const stream = stalled(REFUSED);
    comesTo(stream, { ...REFUSED, workload: notReady({}, UNSEEN) });
    const podsRefused = 'exceeded quota: few';
    const refusing = { ...workload(GOING), pods: [], podsRefused };
    comesTo(stream, { reader: undefined, workload: refusing }, 'False False True QuotaExceeded');
    comesTo(stream, { reader: undefined, workload: { ...refusing, ...UNSEEN } });
    const stuck = { ...workload(GOING), pods: [leaving(stream.nowMs - 3 * MINUTE_MS)] };
    comesTo(stream, { reader: undefined, workload: stuck }, 'False False True PodStuckTerminating');
  });

  it('that no reader can take is told, and so is a Secret that is not there', () => {
    const stream = stalled(REFUSED);
    const old = { ...REFUSED, workload: notReady({}, UNSEEN) };
    comesTo(stream, { ...old, configProblems: [problem('InvalidConfig')] }, 'False False True InvalidConfig');
    comesTo(stream, { ...old, referenceProblems: [problem('SecretNotFound')] }, 'False True False SecretNotFound');
  });

  it('a deadline that is over stays told while pods come and go without ever running', () => {
    const late = { progressDeadlineExceeded: true };
    const stream = stalled({ workload: notReady({ startedAt: undefined }, late), reader: undefined });
    stream.pass({ reader: undefined, workload: { ...workload(GOING), ...late, pods: [] } }, 1000);
    expect(stream.row).toBe('False False True ProgressDeadlineExceeded');
  });
});

describe('hands off', () => {
  it('is said, what runs is still told of, and nothing is called observed', () => {
    const stream = new Followed();
    stream.pass();
    stream.pass({ handsOff: true, generation: 2 });
    expect(stream.condition('ReconciliationPaused')).toMatchObject({ status: 'True', reason: 'HandsOff' });
    expect(stream.stream.status!.observedGeneration).toBe(1);
    expect(kstatus(stream.read)).toBe('InProgress');
    expect(waitSettles(stream.read, 'Ready')).toBe(false);
    stream.pass({ handsOff: true, generation: 2, ...refused('output', 'KINLOG_SPLUNK_REFUSED') });
    expect(stream.row).toBe('False False True OutputRejected');
    stream.pass({ generation: 2 });
    expect(stream.condition('ReconciliationPaused')).toBeUndefined();
    expect(stream.row).toBe('True False False Running');
  });

  it('of a LogStream that was never begun is not taken for ready', () => {
    const stream = new Followed();
    stream.pass({ handsOff: true, ...NEVER_BEGUN });
    expect(stream.row).toBe('Unknown False False HandsOff');
    expect(kstatus(stream.read)).toBe('InProgress');
  });
});

it('a status that is not there yet counts as ready for kstatus, which is why the first pass writes one', () => {
  expect(kstatus({ generation: 1, status: undefined })).toBe('Current');
  expect(facts().firstSeen).toBe(false);
});
