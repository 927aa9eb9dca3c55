/** Dashboards and alerts ask for metrics that there are. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ALERT_GROUPS } from '../../../../operator/deploy/alerts.ts';
import { DASHBOARDS } from '../../../../operator/deploy/dashboards.ts';
import { Cache } from '../../../../operator/kube/cache.ts';
import { OperatorMetrics } from '../../../../operator/metrics.ts';

const root = path.join(import.meta.dirname, '../../../..');
const page = (name: string) => readFileSync(path.join(root, 'docs', name), 'utf8');

/** Of the readers: gauges by docs/run.md, counters by docs/events.md. */
const gauges = new Set([...page('run.md').matchAll(/kinlog_[a-z_]+/g)].map(([name]) => name));
const counters = new Set([...page('events.md').matchAll(/`([a-z_]+)`/g)].map(([, name]) => `kinlog_${name!}_total`));

function operatorMetrics(): OperatorMetrics {
  const metrics = new OperatorMetrics();
  metrics.observe({
    queue: { depth: 0, unfinishedMs: 0, longestRunningMs: 0 },
    workers: { active: 0 },
    workerCount: 1,
    logStreams: new Cache(),
    leads: () => true,
    leaseName: 'kinlog-operator',
    version: '0',
  });
  metrics.reconciled('success', 1);
  return metrics;
}

const ofOperator = operatorMetrics().registry;
const namesOfOperator = ofOperator.getMetricsAsArray().flatMap(({ name }) => [name, `${name}_bucket`]);
const known = new Set([...gauges, ...counters, ...namesOfOperator]);

interface Selector {
  readonly metric: string;
  readonly matchers: readonly string[];
}

const selectorsOf = (expression: string): Selector[] =>
  [
    ...expression
      .replaceAll(/by \([^)]*\)|on \([^)]*\)|\[[^\]]*\]/g, '')
      .matchAll(/\b([a-z]+_[a-z_]+)(?:\{([^}]*)\})?(?!\w*\()/g),
  ].map(([, metric, matchers]) => ({ metric: metric!, matchers: matchers?.split(',') ?? [] }));
const metricsOf = (expression: string): string[] => selectorsOf(expression).map(({ metric }) => metric);

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

const expressionsOf = (dashboard: object): string[] =>
  (dashboard as Dashboard).panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

describe('every metric that is asked for exists', () => {
  it.each(Object.keys(DASHBOARDS))('in %s', (name) => {
    const expressions = expressionsOf(DASHBOARDS[name]!);
    const asked = expressions.flatMap(metricsOf);
    expect(asked.length).toBeGreaterThanOrEqual(expressions.length);
    expect(asked.filter((metric) => !known.has(metric))).toEqual([]);
  });

  it.each(ALERT_GROUPS)('in the alerts $name', ({ rules }) => {
    const asked = rules.flatMap(({ expr }) => metricsOf(expr as string));
    expect(asked.length).toBeGreaterThanOrEqual(rules.length);
    expect(asked.filter((metric) => !known.has(metric))).toEqual([]);
  });
});

describe('what is asked for of the operator', () => {
  const alerts = ALERT_GROUPS.flatMap(({ rules }) => rules.map(({ expr }) => expr as string));
  const expressions = [...alerts, ...Object.values(DASHBOARDS).flatMap(expressionsOf)];

  it('is never that of other operators, whose metrics have the same names', () => {
    const open = expressions
      .filter((expression) => !expression.includes('and on (namespace, pod) kinlog_operator_build_info'))
      .flatMap(selectorsOf)
      .filter(({ metric }) => !metric.startsWith('kinlog_'))
      .filter(({ matchers }) => !matchers.some((one) => /^(controller="logstream"|name="kinlog-operator")$/.test(one)));
    expect(open).toEqual([]);
  });

  it('is found by labels that its metrics have', async () => {
    const lines = (await ofOperator.metrics()).split('\n');
    const has = ({ metric, matchers }: Selector) =>
      lines.some((line) => line.startsWith(metric) && matchers.every((matcher) => line.includes(matcher)));
    const asked = expressions.flatMap(selectorsOf).filter(({ metric }) => namesOfOperator.includes(metric));
    const missed = asked.filter((selector) => selector.matchers.length > 0 && !has(selector));
    expect(missed).toEqual([]);
  });
});

describe('the alerts of the operator', () => {
  const rules = ALERT_GROUPS.find(({ name }) => name === 'kinlog-operator')!.rules as readonly { expr: string }[];

  it('need no more failures than one LogStream brings about, which is tried every five minutes in the end', () => {
    // Three in 15 minutes; two when the scrapes lie badly.
    const counts = rules.flatMap(({ expr }) => [...expr.matchAll(/increase.*> ([\d.]+)$/g)].map(([, n]) => Number(n)));
    expect(counts.length).toBeGreaterThan(0);
    expect(counts.filter((count) => count >= 2)).toEqual([]);
  });
});

/** The rules for readers stand in the page of `kinlog run` too, for those who run it elsewhere. */
describe('the alerts of readers', () => {
  const readers = ALERT_GROUPS.find(({ name }) => name === 'kinlog')!.rules as readonly {
    alert: string;
    expr: string;
  }[];

  it('are the same in docs/run.md', () => {
    const rules = [...page('run.md').matchAll(/- alert: (\w+)\n +expr: (.+)/g)].map(([, alert, expr]) => [alert, expr]);
    expect(rules).toEqual(readers.map(({ alert, expr }) => [alert, expr]));
  });

  it('also fire for what is counted before the first scrape of a new pod', () => {
    const counted = readers.filter(({ expr }) => expr.includes('_total'));
    expect(counted.map(({ alert }) => alert)).toEqual(['KinlogOutputRefused', 'KinlogDataLoss', 'KinlogEventsRefused']);
    for (const { expr } of counted)
      expect(expr).toMatch(/^increase\((\w+)\[(\w+)\]\) > 0 or \(\1 unless \1 offset \2\) > 0$/);
  });
});
