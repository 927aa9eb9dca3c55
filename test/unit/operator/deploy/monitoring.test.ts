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

function operatorMetrics(): Set<string> {
  const metrics = new OperatorMetrics();
  metrics.observe({
    queue: { depth: 0, unfinishedMs: 0, longestRunningMs: 0 },
    workers: { active: 0 },
    workerCount: 1,
    logStreams: new Cache(),
    leads: () => true,
    leaseName: 'lease',
    version: '0',
  });
  const names = metrics.registry.getMetricsAsArray().map(({ name }) => name);
  return new Set(names.flatMap((name) => [name, `${name}_bucket`]));
}

const known = new Set([...gauges, ...counters, ...operatorMetrics()]);

const metricsOf = (expression: string): string[] =>
  [...expression.replaceAll(/\{[^}]*\}|by \([^)]*\)|on \([^)]*\)|\[[^\]]*\]|"[^"]*"/g, '').matchAll(/[a-z]+_[a-z_]+/g)]
    .map(([name]) => name)
    .filter((name) => name !== 'histogram_quantile');

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

describe('every metric that is asked for exists', () => {
  it.each(Object.keys(DASHBOARDS))('in %s', (name) => {
    const { panels } = DASHBOARDS[name] as Dashboard;
    const asked = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsOf(expr)));
    expect(asked.length).toBeGreaterThanOrEqual(panels.length);
    expect(asked.filter((metric) => !known.has(metric))).toEqual([]);
  });

  it.each(ALERT_GROUPS)('in the alerts $name', ({ rules }) => {
    const asked = rules.flatMap(({ expr }) => metricsOf(expr as string));
    expect(asked.length).toBeGreaterThanOrEqual(rules.length);
    expect(asked.filter((metric) => !known.has(metric))).toEqual([]);
  });
});
