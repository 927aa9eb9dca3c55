/** What the bench of the operator reads: the audit log over its files, a histogram over a stretch of time. */
import { appendFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quantile, sizedText, verdict } from '../../../bench/kubernetes/figures.ts';
import { boundOf, bucketsOf } from '../../../bench/kubernetes/histogram.ts';
import { AuditFollower } from '../../kubernetes/audit-follow.ts';

describe('the audit log', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'kinlog-audit-'));
    file = path.join(folder, 'audit.log');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const line = (name: string, verb = 'patch', query = '') =>
    `${JSON.stringify({
      user: { username: 'system:serviceaccount:kinlog-system:kinlog-operator' },
      verb,
      requestURI: `/apis/kinlog.io/v1alpha1/namespaces/logs/logstreams/${name}/status?fieldManager=kinlog-operator${query}`,
      objectRef: { resource: 'logstreams', subresource: 'status', name },
      responseStatus: { code: 200 },
      requestReceivedTimestamp: '2026-01-01T00:00:01.000250Z',
      stageTimestamp: '2026-01-01T00:00:01.001500Z',
    })}\n`;
  const names = (follower: AuditFollower) => [...follower.take()].map(({ name }) => name);

  it('is read once, line by line, without what is only read', () => {
    const follower = new AuditFollower(file);
    expect(names(follower)).toEqual([]);
    appendFileSync(file, line('a') + line('b', 'list') + line('c').slice(0, 40));
    const [first] = [...follower.take()];
    expect(first).toMatchObject({ name: 'a', resource: 'logstreams/status', verb: 'patch', status: 200 });
    expect(first!.answeredMs - first!.receivedMs).toBeCloseTo(1.25, 3);
    appendFileSync(file, line('c').slice(40));
    expect(names(follower)).toEqual(['c']);
    follower.close();
  });

  it('tells what was only tried from what was stored', () => {
    const follower = new AuditFollower(file);
    appendFileSync(file, line('stored') + line('tried', 'create', '&dryRun=All'));
    expect([...follower.take()].map(({ name, dryRun }) => [name, dryRun])).toEqual([
      ['stored', false],
      ['tried', true],
    ]);
    follower.close();
  });

  it('goes on in the file that follows a full one', () => {
    const follower = new AuditFollower(file);
    appendFileSync(file, line('a'));
    expect(names(follower)).toEqual(['a']);
    appendFileSync(file, line('b'));
    renameSync(file, path.join(folder, 'audit-full.log'));
    appendFileSync(file, line('c'));
    expect(names(follower)).toEqual(['b', 'c']);
    follower.close();
  });
});

describe('figures', () => {
  it('a histogram tells the bound under which a share of what happened in between lies', () => {
    const scrape = (...counts: number[]) =>
      ['0.005', '0.01', '+Inf'].map((bound, i) => `passes_bucket{le="${bound}",controller="logstream"} ${counts[i]!}`);
    const [before, after] = [scrape(0, 5, 9), scrape(99, 104, 109)].map((lines) => bucketsOf(lines, 'passes'));
    expect(boundOf(0.99, after!, before)).toBe(0.005);
    expect(boundOf(0.999, after!, before)).toBe(Infinity);
  });

  it('say what they are, and whether the goal was met', () => {
    const figure = { title: 'memory', unit: 'MiB', digits: 0 };
    const figures = [
      { ...figure, value: 255.6, goal: 256 },
      { ...figure, value: 257, goal: 256, note: 'now 250' },
      { ...figure, value: 1 },
    ];
    const sized = { count: 1000, seconds: 1, figures };
    const [, met, missed, bare] = sizedText(sized).split('\n');
    expect(met).toMatch(/ 256 MiB, goal <= 256 MiB: MET$/);
    expect(missed).toMatch(/ 257 MiB, goal <= 256 MiB: NOT MET \(now 250\)$/);
    expect(bare).toMatch(/ 1 MiB$/);
    expect(verdict([sized])).toBe('kubernetes: 1 of 2 goals met');
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
  });
});
