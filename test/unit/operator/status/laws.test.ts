/** What holds whatever is known of a LogStream. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type {
  Facts,
  PodFacts,
  Problem,
  ReaderError,
  ReaderFacts,
  WorkloadFacts,
} from '../../../../operator/reconcile/facts.ts';
import { REASONS, stallsAfterMs } from '../../../../operator/reconcile/reasons.ts';
import { Followed, pod, reader, START_MS, workload } from './known.ts';
import { kstatus } from './tools.ts';

const TROUBLES = Object.keys(REASONS).filter((reason) => stallsAfterMs(reason) !== undefined);
const some = fc.string({ maxLength: 2000, unit: 'binary' });
const problem = fc.record({ reason: fc.constantFrom(...TROUBLES), message: some }) as fc.Arbitrary<Problem>;
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });

const pods: fc.Arbitrary<PodFacts> = fc
  .record({
    name: fc.constantFrom('orders-reader-1', 'orders-reader-2'),
    ready: fc.boolean(),
    createdMs: fc.integer({ min: START_MS - 600_000, max: START_MS }),
    startedAt: maybe(fc.constant('2026-01-01T00:00:05Z')),
    terminating: maybe(fc.record({ sinceMs: fc.constant(START_MS), graceMs: fc.constant(60_000) })),
    waiting: maybe(
      fc.record({
        reason: fc.constantFrom('ImagePullBackOff', 'CrashLoopBackOff', 'ContainerCreating', ''),
        message: some,
      }),
    ),
    terminated: maybe(
      fc.record({
        exitCode: fc.integer(),
        reason: fc.constant('Error'),
        message: fc.constantFrom('', 'no (KINLOG_STREAM_NOT_FOUND). Check.', 'x (KINLOG_CONFIG_INVALID). y'),
      }),
    ),
    restarts: fc.nat(10),
    unschedulable: maybe(some),
  })
  .map(pod);

const workloads: fc.Arbitrary<WorkloadFacts> = fc
  .record({
    current: fc.boolean(),
    replicas: fc.nat(2),
    updatedReplicas: fc.nat(1),
    readyReplicas: fc.nat(1),
    progressDeadlineExceeded: fc.boolean(),
    podsRefused: maybe(some),
    pods: fc.array(pods, { maxLength: 3 }),
  })
  .map(workload);

const errors: fc.Arbitrary<ReaderError> = fc.record({
  part: fc.constantFrom('source', 'output', 'store', 'reader'),
  code: fc.constantFrom('KINLOG_SPLUNK_REFUSED', 'KINLOG_SERVICE_UNAVAILABLE', 'KINLOG_STREAM_DELETED', 'constructor'),
  message: some,
  remedy: some,
});

const readers: fc.Arbitrary<ReaderFacts> = fc
  .record({
    podName: fc.constantFrom('orders-reader-1', 'orders-reader-2', 'gone'),
    ready: fc.boolean(),
    stale: fc.boolean(),
    behindMs: maybe(fc.nat(100_000_000)),
    errors: fc.array(errors, { maxLength: 3 }),
  })
  .map(reader);

const known: fc.Arbitrary<Partial<Facts>> = fc
  .record({
    generation: fc.integer({ min: 1, max: 3 }),
    handsOff: fc.boolean(),
    cutShort: fc.boolean(),
    paused: fc.boolean(),
    configProblems: fc.array(problem, { maxLength: 1 }),
    referenceProblems: fc.array(problem, { maxLength: 2 }),
    applyProblem: maybe(problem),
    workload: maybe(workloads),
    reader: maybe(readers),
    resetPending: fc.boolean(),
  })
  // What was not looked at has no problems.
  .map((one) => (one.cutShort ? { ...one, configProblems: [], referenceProblems: [] } : one));
const passes = fc.array(fc.tuple(known, fc.nat(600_000)), { minLength: 1, maxLength: 5 });

/** Each sequence of facts, with what the status says at its end. */
function holds(law: (stream: Followed, last: Partial<Facts>) => void): void {
  fc.assert(
    fc.property(passes, (sequence) => {
      const stream = new Followed();
      stream.pass({ firstSeen: true, workload: undefined, reader: undefined });
      for (const [more, afterMs] of sequence) stream.pass(more, afterMs);
      law(stream, sequence.at(-1)![0]);
    }),
    { numRuns: 500 },
  );
}

it('the same facts at the same time write nothing a second time', () => {
  holds((stream, last) => {
    const found = stream.pass(last);
    expect(found.changed).toBe(false);
    expect(found.events).toEqual([]);
  });
});

it('Reconciling and Stalled are never both True, and Ready is True beside one of them only for a spec that is not the newest', () => {
  holds((stream, { configProblems, referenceProblems, applyProblem }) => {
    const is = (type: string) => stream.condition(type)!.status === 'True';
    expect(is('Reconciling') && is('Stalled')).toBe(false);
    if (!is('Ready') || (!is('Reconciling') && !is('Stalled'))) return;
    const kept = [stream.condition('ConfigValid'), stream.condition('ReferencesResolved')];
    const blocked =
      [...(configProblems ?? []), ...(referenceProblems ?? [])].length > 0 ||
      applyProblem !== undefined ||
      kept.some((one) => one?.status === 'False');
    expect(blocked).toBe(true);
  });
});

it('kstatus says Failed if and only if it is Stalled and the newest spec was looked at', () => {
  holds((stream) => {
    const { status, metadata } = stream.stream;
    const looked = status!.observedGeneration === metadata.generation;
    const stalled = stream.condition('Stalled')!.status === 'True';
    expect(kstatus(stream.read) === 'Failed').toBe(stalled && looked);
  });
});

it('every message fits, every time is one that the API takes, every reason is its form', () => {
  holds((stream) => {
    for (const { message, lastTransitionTime, reason } of stream.stream.status!.conditions!) {
      expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
      expect(lastTransitionTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      expect(reason).toMatch(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/);
    }
  });
});

it('a time moves only with its status', () => {
  fc.assert(
    fc.property(passes, (sequence) => {
      const stream = new Followed();
      for (const [more, afterMs] of sequence) {
        const before = new Map(stream.stream.status?.conditions?.map((one) => [one.type, one]));
        stream.pass(more, afterMs + 1000);
        for (const one of stream.stream.status!.conditions!) {
          const earlier = before.get(one.type);
          if (earlier?.status === one.status) expect(one.lastTransitionTime).toBe(earlier.lastTransitionTime);
        }
      }
    }),
    { numRuns: 300 },
  );
});

it('what only time brings about is looked at again in time', () => {
  holds((stream, last) => {
    for (let looks = 0; looks < 10; looks++) {
      const { requeueAfterMs } = stream.pass(last);
      const quiet = requeueAfterMs ?? 3_600_000;
      // Nothing happens a moment before.
      const row = stream.row;
      if (quiet > 2000) stream.pass(last, quiet - 1000);
      expect(stream.row).toBe(row);
      if (requeueAfterMs === undefined) return;
      stream.pass(last, 1000);
    }
    throw new Error('it is looked at again and again, and nothing comes of it');
  });
});
