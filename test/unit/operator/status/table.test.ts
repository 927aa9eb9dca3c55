/** What the conditions say in each situation, and what kubectl, Flux, Helm and Argo CD make of it. */
import { describe, expect, it } from 'vitest';
import { REASONS } from '../../../../operator/reconcile/reasons.ts';
import { facts, Followed } from './known.ts';
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
