import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../../base/events.ts';
import type { KubeObject } from '../../../../operator/kube/object.ts';
import { EventRecorder } from '../../../../operator/recorder.ts';
import { FakeClock, settle } from '../../../fakes/clock.ts';
import { ObjectsApi, refusal } from './objects-api.ts';

interface WrittenEvent extends KubeObject {
  readonly note: string;
  readonly reason: string;
  readonly action: string;
  readonly eventTime: string;
  readonly regarding: { readonly uid: string };
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

const about = (name: string): KubeObject => ({
  apiVersion: 'kinlog.io/v1alpha1',
  kind: 'LogStream',
  metadata: { name, namespace: 'logs', uid: `uid of ${name}` },
});

class Scene {
  readonly api = new ObjectsApi();
  readonly clock = new FakeClock();
  readonly stop = new AbortController();
  dropped = 0;
  readonly recorder = new EventRecorder({
    api: this.api,
    instance: 'pod-1',
    clock: this.clock,
    log: silentLog(),
    onDropped: () => this.dropped++,
  });
  readonly done = this.recorder.run(this.stop.signal);

  say(note: string, name = 'orders', reason = 'SecretNotFound'): void {
    this.recorder.event(about(name), 'Warning', reason, 'Reconcile', note);
  }

  /** What is on the server once everything is written. */
  async events(): Promise<WrittenEvent[]> {
    await settle();
    return [...this.api.objects.values()] as WrittenEvent[];
  }

  async end(): Promise<void> {
    this.stop.abort();
    await this.done;
  }
}

describe('the recorder', () => {
  it('writes an Event as the API takes it', async () => {
    const scene = new Scene();
    scene.say('Secret hec is missing');
    const [event] = await scene.events();
    expect(event).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      eventTime: '2026-01-01T00:00:00.000000Z',
      type: 'Warning',
      reason: 'SecretNotFound',
      action: 'Reconcile',
      note: 'Secret hec is missing',
      regarding: { apiVersion: 'kinlog.io/v1alpha1', kind: 'LogStream', namespace: 'logs', name: 'orders' },
      reportingController: 'kinlog.io/operator',
      reportingInstance: 'pod-1',
    });
    expect(event!.metadata.name).toMatch(/^orders\.[\da-f]{16}$/);
    expect(event!.metadata.namespace).toBe('logs');
    expect(event!.series).toBeUndefined();
    await scene.end();
  });

  it('counts a repetition instead of writing a second Event', async () => {
    const scene = new Scene();
    scene.say('the same');
    await settle();
    await scene.clock.advance(60_000);
    scene.say('the same');
    scene.say('the same');
    const events = await scene.events();
    expect(events).toHaveLength(1);
    expect(events[0]!.series).toEqual({ count: 3, lastObservedTime: '2026-01-01T00:01:00.000000Z' });
    await scene.end();
  });

  it('makes one of ten similar ones, and tells them apart again after ten minutes', async () => {
    const scene = new Scene();
    for (let i = 0; i < 14; i++) scene.say(`try ${i}`);
    const events = await scene.events();
    expect(events).toHaveLength(10);
    expect(events[9]!.note).toBe('(combined from similar events): try 9');
    expect(events[9]!.series?.count).toBe(5);
    await scene.clock.advance(600_001);
    scene.say('later');
    expect((await scene.events()).at(-1)!.note).toBe('later');
    await scene.end();
  });

  it('cuts short an object that has too much to say, and no other', async () => {
    const scene = new Scene();
    for (let i = 0; i < 100; i++) scene.say('again', 'orders', `Reason${i}`);
    scene.say('mine', 'payments');
    expect(await scene.events()).toHaveLength(26);
    expect(scene.dropped).toBe(75);
    await scene.clock.advance(300_000);
    scene.say('again', 'orders', 'Later');
    scene.say('again', 'orders', 'LaterStill');
    expect(await scene.events()).toHaveLength(27);
    await scene.end();
  });

  it('keeps to the lengths of the API, without half a character', async () => {
    const scene = new Scene();
    scene.say('ä'.repeat(1000), 'orders', 'R'.repeat(300));
    const [event] = await scene.events();
    expect(Buffer.byteLength(event!.note)).toBeLessThanOrEqual(1024);
    expect(event!.note).toMatch(/^ä+…$/);
    expect(event!.reason).toHaveLength(128);
    await scene.end();
  });

  it('never blocks and never holds more than a bounded number while the API server is away', async () => {
    const scene = new Scene();
    scene.api.fault = () => ({ error: refusal('transport') });
    for (let i = 0; i < 5000; i++) scene.say('x', `stream-${i}`);
    await settle();
    expect(scene.dropped).toBeGreaterThanOrEqual(3999);
    scene.api.fault = () => undefined;
    await scene.clock.advance(10_000);
    expect((await scene.events()).length).toBeGreaterThan(900);
    await scene.end();
  });

  it('writes an Event once when the answer to the first try was lost', async () => {
    const scene = new Scene();
    let tries = 0;
    scene.api.fault = () => (tries++ === 0 ? { error: refusal('transport'), after: true } : undefined);
    scene.say('once');
    await scene.clock.advance(10_000);
    expect(await scene.events()).toHaveLength(1);
    expect(scene.dropped).toBe(0);
    await scene.end();
  });

  it('makes an Event again that has aged out on the server, and loses no repetition', async () => {
    const scene = new Scene();
    scene.say('old');
    await settle();
    scene.api.objects.clear();
    scene.say('old');
    const events = await scene.events();
    expect(events).toHaveLength(1);
    expect(events[0]!.series?.count).toBe(2);
    expect(scene.dropped).toBe(0);
    await scene.end();
  });

  it.each(['forbidden', 'terminating', 'invalid', 'missing'] as const)(
    'gives up what is refused as %s',
    async (sort) => {
      const scene = new Scene();
      scene.api.fault = () => ({ error: refusal(sort) });
      scene.say('no');
      await settle();
      expect(scene.api.writes).toBe(1);
      expect(scene.dropped).toBe(1);
      await scene.end();
    },
  );

  it('tells when everything is written', async () => {
    const scene = new Scene();
    scene.say('a');
    scene.say('b');
    await scene.recorder.flush(new AbortController().signal);
    expect(scene.api.objects.size).toBe(2);
    await scene.end();
  });
});
