/** How a Prometheus finds readers. */
import { describe, expect, it } from 'vitest';
import { desiredChildren } from '../../../../operator/desired/desired.ts';
import { upToDate, withHash } from '../../../../operator/reconcile/drift.ts';
import { logStream, nothing, settings } from './scene.ts';

describe('PodMonitors of readers', () => {
  it('have the labels by which a Prometheus selects PodMonitors, and nothing else has them, so that no pod is replaced', () => {
    const podMonitorLabels = { release: 'prometheus', 'app.kubernetes.io/name': 'other' };
    const [without, labelled] = [settings, { ...settings, podMonitorLabels }].map((some) =>
      desiredChildren(logStream(), nothing, some).map((child) => withHash(child)),
    );
    expect(without!.map(({ kind }, i) => [kind, upToDate(labelled![i]!, without![i]!)])).toEqual([
      ...['ServiceAccount', 'ConfigMap', 'Deployment'].map((kind) => [kind, true]),
      ['PodMonitor', false],
    ]);
    expect(labelled!.slice(0, -1)).toEqual(without!.slice(0, -1));
    expect(labelled!.at(-1)!.metadata.labels).toEqual({ ...without!.at(-1)!.metadata.labels, release: 'prometheus' });
    // Taken away again.
    expect(upToDate(without!.at(-1)!, labelled!.at(-1)!)).toBe(false);
  });
});
