/** What is written into a status, how seldom, and what a person is told of it. */
import { describe, expect, it } from 'vitest';
import type { Facts, ReaderFacts } from '../../../../operator/reconcile/facts.ts';
import { lagBucketMs } from '../../../../operator/reconcile/told-status.ts';
import { Followed, MINUTE_MS, notReady, pod, reader, START_MS, waitingFor, workload } from './known.ts';

const running = (more: Partial<Facts> = {}): Followed => {
  const stream = new Followed();
  stream.pass(more);
  stream.writes = 0;
  return stream;
};
const told = (more: Partial<ReaderFacts>): Partial<Facts> => ({ reader: reader(more) });
const at = (ms: number) => new Date(ms).toISOString();
const REFUSED = { part: 'output', code: 'KINLOG_SPLUNK_REFUSED', message: 'no', remedy: 'Mend it.' } as const;

it('says what the reader is, what it reads, how far it is and where its positions are', () => {
  const { status } = running().stream;
  expect(status).toMatchObject({
    observedGeneration: 1,
    replicas: 1,
    readyReplicas: 1,
    selector: expect.stringContaining('app.kubernetes.io/instance=orders'),
    reader: { podName: 'orders-reader-1', version: '1.0.0', startedAt: '2026-01-01T00:00:05Z' },
    source: { openShards: 4, closedShardsPending: 0 },
    lag: { maxMillisBehindLatest: 0 },
    checkpoint: { applicationName: 'logs.orders', lastCheckpointTime: '2026-01-01T00:09:59Z' },
    configHash: 'hash-1',
  });
  expect(status).not.toHaveProperty('lastError');
});

describe('writes', () => {
  it('an idle stream has none in ten minutes, though its positions are stored again and again', () => {
    const stream = running();
    for (let minute = 1; minute <= 10; minute++)
      stream.pass(told({ atMs: stream.nowMs, behindMs: 300, positionStored: at(stream.nowMs) }), MINUTE_MS);
    expect(stream.writes).toBe(0);
  });

  it('a stream with traffic has one in half an hour, and it tells when a position was stored', () => {
    const stream = running();
    for (let minute = 1; minute <= 60; minute++) {
      const stored = at(stream.nowMs + MINUTE_MS + 600_000);
      stream.pass(told({ positionStored: stored, eventsDelivered: stored }), MINUTE_MS);
    }
    expect(stream.writes).toBe(2);
    expect(stream.stream.status!.checkpoint!.lastCheckpointTime).toBe('2026-01-01T01:10:00Z');
  });

  it('a restart of the operator has none, whatever the reader had told it', () => {
    const bad = { workload: notReady(), ...told({ ready: false, errors: [REFUSED] }) };
    for (const known of [{}, told({ behindMs: 900_000 }), bad]) {
      const stream = running(known);
      stream.pass({ ...known, reader: undefined }, 5000);
      expect(stream.writes).toBe(0);
    }
  });

  it('a crash loop that goes on has none, however the kubelet counts its pauses', () => {
    const words = { exitCode: 100, reason: 'Error', message: 'no (KINLOG_STREAM_NOT_FOUND). Check the name.' };
    const stream = running({ workload: waitingFor('CrashLoopBackOff', { terminated: words }), reader: undefined });
    for (let restarts = 1; restarts < 20; restarts++) {
      stream.pass(
        { workload: waitingFor('CrashLoopBackOff', { terminated: words, restarts }), reader: undefined },
        MINUTE_MS,
      );
      stream.pass(
        { workload: notReady({ startedAt: undefined, terminated: words, restarts }), reader: undefined },
        1000,
      );
    }
    expect(stream.writes).toBe(0);
    expect(stream.row).toBe('False False True SourceNotFound');
  });

  it('of conditions a crash loop has none while a process of it runs for some seconds and has nothing else to say', () => {
    const words = { exitCode: 100, reason: 'Error', message: 'no (KINLOG_STREAM_NOT_FOUND). Check the name.' };
    const over = waitingFor('CrashLoopBackOff', { terminated: words, restarts: 2 });
    const stream = running({ workload: over, reader: undefined });
    const again = notReady({ terminated: words, restarts: 2, startedAt: at(START_MS) });
    const late = { ...again, progressDeadlineExceeded: true };
    for (const found of [told({ ready: false }), { reader: undefined }, { reader: undefined, workload: late }]) {
      expect(stream.pass({ workload: again, ...found }, 1000).events).toEqual([]);
      expect(stream.row).toBe('False False True SourceNotFound');
    }
    stream.pass({ workload: again, ...told({ ready: false, errors: [REFUSED] }) }, 1000);
    expect(stream.row).toBe('False False True OutputRejected');
    stream.pass({ workload: again, ...told({ ready: false }) }, MINUTE_MS);
    expect(stream.row).toBe('False True False Progressing');
  });

  it('a reader that is not ready is not called unexplained when it explains it', () => {
    const error = {
      ...REFUSED,
      part: 'source',
      code: 'KINLOG_SERVICE_UNAVAILABLE',
      since: '2026-01-01T00:01:00Z',
    } as const;
    const stream = running({ workload: notReady(), ...told({ ready: false, errors: [error] }) });
    for (let minute = 0; minute < 10; minute++)
      stream.pass({ workload: notReady(), ...told({ ready: false, errors: [error] }) }, MINUTE_MS);
    expect(stream.row).toBe('False False True SourceUnreachable');
  });

  it('a reader that becomes well during a rollout has one, with what it comes to; one that does not, at once', () => {
    const stream = new Followed();
    stream.pass({ workload: notReady({ ready: false }), reader: undefined });
    stream.pass({ workload: notReady({ ready: true }) });
    expect(stream.writes).toBe(1);
    expect(stream.condition('SourceReachable')).toMatchObject({ status: 'Unknown' });
    stream.pass();
    expect(stream.writes).toBe(2);
    expect(stream.row).toBe('True False False Running');
    expect(stream.condition('SourceReachable')).toMatchObject({ status: 'True' });
    expect(stream.stream.status).toMatchObject({ source: { openShards: 4 }, lag: { maxMillisBehindLatest: 0 } });
    stream.pass({ generation: 2, workload: workload({ current: false }) });
    expect(stream.writes).toBe(3);
    stream.pass({ generation: 2, workload: workload({ updatedReplicas: 0 }) });
    expect(stream.writes).toBe(3);
    stream.pass({ generation: 2, workload: notReady(), ...told({ ready: false, errors: [REFUSED] }) });
    expect(stream.condition('OutputReachable')).toMatchObject({ status: 'False' });
  });

  it('pods that come and go during a rollout have none of their own', () => {
    const stream = running();
    stream.pass({ workload: workload({ current: false }) });
    for (const readyReplicas of [1, 0])
      stream.pass({ workload: workload({ current: false, replicas: 1 + readyReplicas, readyReplicas: 1 }) });
    expect(stream.writes).toBe(1);
  });
});

describe('lag', () => {
  it('is the largest boundary that is passed', () => {
    expect([0, 9_999, 10_000, 59_999, 300_000, 86_400_001].map((ms) => lagBucketMs(ms))).toEqual([
      0, 0, 10_000, 10_000, 300_000, 86_400_000,
    ]);
  });

  it('of a reader that lies about a boundary stays where it is', () => {
    expect(lagBucketMs(9_000, 10_000)).toBe(10_000);
    expect(lagBucketMs(5_000, 10_000)).toBe(0);
    const stream = running();
    for (let look = 0; look < 20; look++) stream.pass(told({ behindMs: look % 2 === 0 ? 11_000 : 9_000 }), MINUTE_MS);
    expect(stream.writes).toBe(1);
  });

  it('beyond the threshold is CaughtUp False and changes nothing else; it is over at half of it', () => {
    const stream = running();
    stream.pass(told({ behindMs: 300_001 }));
    expect(stream.condition('CaughtUp')).toMatchObject({ status: 'False', reason: 'Behind' });
    expect(stream.row).toBe('True False False Running');
    stream.pass(told({ behindMs: 200_000 }));
    expect(stream.condition('CaughtUp')!.status).toBe('False');
    stream.pass(told({ behindMs: 150_000 }));
    expect(stream.condition('CaughtUp')!.status).toBe('True');
  });
});

describe('a new pod', () => {
  it('is not blamed for what the one before complained of', () => {
    const stream = running({ workload: notReady(), ...told({ ready: false, errors: [REFUSED] }) });
    expect(stream.row).toBe('False False True OutputRejected');
    stream.pass({ workload: notReady({ name: 'orders-reader-2', startedAt: undefined }), reader: undefined });
    expect(stream.row).toBe('False True False Progressing');
    expect(stream.condition('OutputReachable')).toMatchObject({ status: 'Unknown' });
    stream.pass({
      workload: workload({ pods: [pod({ name: 'orders-reader-2' })] }),
      ...told({ podName: 'orders-reader-2' }),
    });
    expect(stream.condition('OutputReachable')).toMatchObject({ status: 'True' });
  });

  it('that crashes for a reason names it at once', () => {
    const ended = {
      exitCode: 1,
      reason: 'Error',
      message:
        'reader.yaml:3: x is not an option\nthere is 1 fault in reader.yaml (KINLOG_CONFIG_INVALID). See docs/run.md.',
    };
    const stream = running({ workload: notReady({ startedAt: undefined, terminated: ended }), reader: undefined });
    expect(stream.row).toBe('False False True ConfigRejected');
    expect(stream.condition('Ready')!.message).toContain('reader.yaml:3: x is not an option');
  });
});

it('a reader that does not answer is unheard, and no less ready', () => {
  const stream = running();
  stream.pass(told({ stale: true }));
  expect(stream.condition('SourceReachable')).toMatchObject({ status: 'Unknown', reason: 'Unheard' });
  expect(stream.row).toBe('True False False Running');
});

it('what went wrong last stays when it is over', () => {
  const stream = running({ workload: notReady(), ...told({ ready: false, errors: [REFUSED] }) });
  stream.pass({}, MINUTE_MS);
  expect(stream.row).toBe('True False False Running');
  expect(stream.stream.status!.lastError).toEqual({
    reason: 'OutputRejected',
    message: 'no (KINLOG_SPLUNK_REFUSED). Mend it.',
    time: '2026-01-01T00:00:00Z',
  });
});

it('of a reader whose memory is used up it is told how to give it more, and of another one where its last words are', () => {
  const message = (reason: string) => {
    const terminated = { exitCode: 137, reason, message: '' };
    const { stream } = running({ workload: waitingFor('CrashLoopBackOff', { terminated }), reader: undefined });
    return stream.status!.conditions!.find(({ type }) => type === 'Ready')!.message;
  };
  expect(message('OOMKilled')).toMatch(
    /\(exit code 137, OOMKilled\)\. Raise spec\.resources\.limits\.memory, or lower/,
  );
  expect(message('Error')).toMatch(/\(exit code 137\)\. Read its last lines: kubectl logs --previous/);
});

it('of a paused stream there is no lag and no reader, and the positions are told', () => {
  const stream = running();
  stream.pass({
    paused: true,
    workload: workload({ replicas: 0, readyReplicas: 0, updatedReplicas: 0, pods: [] }),
    reader: undefined,
  });
  const { lag, reader: one, checkpoint, replicas } = stream.stream.status!;
  expect({ lag, one, replicas }).toEqual({ replicas: 0 });
  expect(checkpoint).toMatchObject({ applicationName: 'logs.orders' });
  expect(stream.condition('ReaderAvailable')).toBeUndefined();
});

describe('events', () => {
  const reasons = (stream: Followed, more: Partial<Facts>, afterMs = 0) =>
    stream.pass(more, afterMs).events.map(({ type, reason }) => `${type} ${reason}`);

  it('tell of a start, a failure, its end, and say nothing in between', () => {
    const stream = new Followed();
    expect(reasons(stream, { firstSeen: true, workload: undefined, reader: undefined })).toEqual([]);
    expect(reasons(stream, { workload: undefined, reader: undefined })).toEqual(['Normal Progressing']);
    expect(reasons(stream, {})).toEqual(['Normal Running']);
    const bad = { workload: notReady(), ...told({ ready: false, errors: [REFUSED] }) };
    expect(reasons(stream, bad)).toEqual(['Warning OutputRejected']);
    expect(reasons(stream, bad, MINUTE_MS)).toEqual([]);
    expect(reasons(stream, {})).toEqual(['Normal Running']);
  });

  it('tell of falling behind and of catching up', () => {
    const stream = running();
    expect(reasons(stream, told({ behindMs: 400_000 }))).toEqual(['Warning Behind']);
    expect(reasons(stream, told({ behindMs: 0 }))).toEqual(['Normal CaughtUp']);
  });

  it('tell of a position store that is away while the reader is ready, and of records that are lost', () => {
    const stream = running();
    const away = { part: 'store', code: 'KINLOG_CHECKPOINT_UNAVAILABLE', message: 'away', remedy: 'Wait.' } as const;
    expect(reasons(stream, told({ errors: [away] }))).toEqual(['Warning CheckpointUnavailable']);
    expect(stream.row).toBe('True False False Running');
    const lost = { part: 'source', code: 'KINLOG_POSITION_LOST', message: 'gone', remedy: 'Find out why.' } as const;
    expect(reasons(stream, told({ errors: [lost] }))).toEqual(['Warning PositionLost']);
    expect(stream.condition('SourceReachable')).toMatchObject({ status: 'False', reason: 'PositionLost' });
  });

  it('tell once of hands off', () => {
    const stream = running();
    expect(reasons(stream, { handsOff: true })).toEqual(['Normal HandsOff']);
    expect(reasons(stream, { handsOff: true })).toEqual([]);
  });
});

it('START is a time of its own', () => {
  expect(at(START_MS)).toBe('2026-01-01T00:00:00.000Z');
});
