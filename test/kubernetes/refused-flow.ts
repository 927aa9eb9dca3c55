/** A LogStream in a namespace of its own, its events, and what is told while somebody refuses something to its reader. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { startSimulatorProcess, type SimulatorProcess } from '../fakes/kinesis/child.ts';
import { until } from '../flow/cli-process.ts';
import { numbered } from '../flow/run-scene.ts';
import { waitSettles, type KStatus } from '../unit/operator/status/tools.ts';
import { merged, type Change } from './crd-change.ts';
import type { Deployment, Placed, Scene } from './scene.ts';
import { namespaceWith, seen, Watched } from './watched.ts';

interface Described {
  readonly namespace: string;
  /** Merged into the spec of `Scene.logStream`. */
  readonly change?: Change;
  /** Its stream has no events before the test puts some. */
  readonly idle?: boolean;
}

export interface Trouble {
  readonly reason: string;
  readonly as: KStatus;
  /** Stand in the message: what, which, what to do. */
  readonly words: readonly string[];
  readonly code?: string;
}

/** What was refused is tried again after half a minute or a whole one; leases of others end by themselves. */
const LONGEST_PAUSE_MS = 80_000;

const holds = (text: string, words: readonly string[]): boolean => words.every((word) => text.includes(word));

const EVENTS = '/apis/events.k8s.io/v1/namespaces';
interface Event {
  readonly regarding: { readonly kind: string };
  readonly type: string;
  readonly reason: string;
  readonly note: string;
}

/** A LogStream in a namespace of its own, with a Kinesis of its own whose refusals meet nobody else. */
export class Flow extends Watched {
  readonly kinesis: SimulatorProcess;
  readonly #scene: Scene;
  readonly #all: string[] = [];

  private constructor(scene: Scene, { namespace, change }: Described, kinesis: SimulatorProcess) {
    const { spec } = scene.logStream(namespace, namespace) as unknown as { spec: unknown };
    const here = merged(spec, { source: { endpoint: kinesis.url } });
    super(scene.plane, { namespace, name: 'logs' }, merged(here, change ?? {}));
    this.#scene = scene;
    this.kinesis = kinesis;
  }

  /** Not applied yet; its stream has its first events, unless idle. Ended after `meanwhile`. */
  static async with(scene: Scene, described: Described, meanwhile: (flow: Flow) => Promise<void>): Promise<void> {
    const { namespace, idle = false } = described;
    const kinesis = await startSimulatorProcess({ streams: { [namespace]: 1 }, settings: { readLimits: false } });
    try {
      await namespaceWith(scene, namespace);
      const flow = new Flow(scene, described, kinesis);
      if (!idle) await flow.put();
      await meanwhile(flow);
    } finally {
      await kinesis.close();
    }
  }

  async runs(): Promise<void> {
    await this.apply();
    await this.heals();
    expect(await this.arrived()).toBe(0);
  }

  async put(): Promise<void> {
    const { kinesis, namespace } = this;
    const texts = numbered(namespace, 20, this.#all.length);
    this.#all.push(...texts);
    await Promise.all(texts.map((text) => kinesis.control({ do: 'put', stream: namespace, key: text, data: text })));
  }

  /** Everything that was put is accepted; answers how many came more than once. */
  async arrived(): Promise<number> {
    const beginning = `${this.namespace} `;
    const isThere = () => new Set(this.#scene.accepted(beginning)).size === this.#all.length;
    await until(isThere, `${this.#all.length} events ${beginning}… accepted`, LONGEST_PAUSE_MS);
    return this.#scene.arrived(this.#all, beginning);
  }

  /** As long as `meanwhile` takes, each reader that comes to life is ended again. */
  async whileEnding(end: (reader: Placed) => Promise<unknown>, meanwhile: () => Promise<void>): Promise<void> {
    const life = new AbortController();
    const ending = (async () => {
      while (!life.signal.aborted) {
        // One that has just ended can not be ended.
        for (const reader of await this.#scene.readers(this.namespace)) await end(reader).catch(() => undefined);
        await sleep(100);
      }
    })();
    try {
      await meanwhile();
    } finally {
      life.abort();
      await ending;
    }
  }

  /** As everybody sees it who waits for the condition Ready, and in an Event. */
  async isTold({ words, code = '', ...told }: Trouble): Promise<void> {
    await this.says({ ...told, ready: 'False', words: [...words, code] });
    expect(waitSettles(seen(await this.read()), 'Ready')).toBe(false);
    await this.isNoted(told.reason, words);
  }

  async isNoted(reason: string, words: readonly string[]): Promise<void> {
    const isThere = async () => (await this.#notes(reason)).some((note) => holds(note, words));
    await until(isThere, `an Event ${reason} in ${this.namespace}`);
  }

  /** Nobody has done anything but mend; nothing is missing. Answers how many came twice. */
  async isWell(): Promise<number> {
    await this.arrived();
    await this.heals();
    await this.put();
    return this.arrived();
  }

  async #notes(reason: string): Promise<string[]> {
    const { items } = await this.#scene.plane.call<{ items: Event[] }>('GET', `${EVENTS}/${this.namespace}/events`);
    const own = items.filter((event) => event.regarding.kind === 'LogStream' && event.reason === reason);
    return own.map(({ type, note }) => `${type} ${note}`);
  }

  get tokenSecret(): { readonly namespace: string; readonly name: string } {
    return { namespace: this.namespace, name: 'splunk-hec' };
  }

  async rollouts(): Promise<number> {
    return (await this.#scene.get<Deployment>('deployment', this.namespace, 'logs-reader')).metadata.generation;
  }
}
