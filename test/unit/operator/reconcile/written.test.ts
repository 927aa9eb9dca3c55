/** What was written is believed until the caches know it, and not a moment longer than they are late. */
import { describe, expect, it } from 'vitest';
import { KINDS } from '../../../../operator/kube/kinds.ts';
import type { KubeObject } from '../../../../operator/kube/object.ts';
import { Written } from '../../../../operator/reconcile/written.ts';
import { FakeClock } from '../../../fakes/clock.ts';

const KIND = KINDS.configMap;
const version = (resourceVersion: string, uid = 'a') => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'logs', name: 'orders-reader', uid, resourceVersion },
});

function writtenAt(resourceVersion: string) {
  const clock = new FakeClock();
  const written = new Written(clock);
  written.record(KIND, version(resourceVersion));
  return {
    clock,
    written,
    newest: (cached?: KubeObject): KubeObject | undefined => written.newest(KIND, cached, version('0')),
  };
}

describe('an answer to a write', () => {
  it('counts while the cache has an older state or none', () => {
    const { newest } = writtenAt('1000');
    expect(newest()).toEqual(version('1000'));
    expect(newest(version('999'))).toEqual(version('1000'));
  });

  it('is forgotten as soon as the cache has it or something newer', () => {
    const { newest } = writtenAt('1000');
    expect(newest(version('1001'))).toEqual(version('1001'));
    expect(newest()).toBeUndefined();
  });

  it('is forgotten when the object is deleted, but not when an earlier one of its name is', () => {
    const { written, newest } = writtenAt('1000');
    written.forget(KIND, version('1005', 'earlier'));
    expect(newest()).toEqual(version('1000'));
    written.forget(KIND, version('1006'));
    expect(newest()).toBeUndefined();
  });

  it('is not believed longer than ten seconds', async () => {
    const { clock, newest } = writtenAt('1000');
    await clock.advance(10_000);
    expect(newest()).toBeUndefined();
  });

  it('leaves nothing behind', async () => {
    const { clock, written } = writtenAt('1000');
    await clock.advance(20_000);
    written.record(KINDS.secret, version('2000'));
    expect(written.size).toBe(1);
  });
});
