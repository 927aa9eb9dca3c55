/** Streams, hosts that read them, and what every scene must keep to: XML that splunkd takes, levels in its log, no secret anywhere. */
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { FakeKinesis } from '../../fakes/kinesis/fake.ts';
import { startSimulator, type RunningSimulator } from '../../fakes/kinesis/server.ts';
import type { Stanza } from '../../fakes/splunkd/inputs.ts';
import { buildApp, type SplunkApp } from '../driver.ts';
import { SplunkHost, type HostOptions } from './host.ts';

export const STREAM = 'logs';
const PATIENCE_MS = 60_000;
const SECRETS = /session-key|\^session\^|topsecret/;

/** A scene for each test of a file. */
export function splunkScene(): { readonly current: SplunkScene } {
  let app: SplunkApp | undefined;
  let current: SplunkScene | undefined;
  beforeAll(() => {
    app = buildApp();
  }, 60_000);
  afterAll(() => app?.dispose());
  beforeEach(async () => {
    current = await new SplunkScene(app!).open();
  });
  afterEach(() => current?.close());
  return {
    get current() {
      return current!;
    },
  };
}

type Story = (scene: SplunkScene) => Promise<void>;

/** A scene of its own for each call: for the tests of a file that run side by side, since most of their time is waiting. */
export function splunkScenes(): (story: Story) => Promise<void> {
  let app: SplunkApp | undefined;
  beforeAll(() => {
    app = buildApp();
  }, 60_000);
  afterAll(() => app?.dispose());
  return async (story) => {
    const scene = await new SplunkScene(app!).open();
    try {
      await story(scene);
    } finally {
      await scene.close();
    }
  };
}

/** Of a test that runs beside others on a busy machine. */
export const SIDE_BY_SIDE = { concurrent: true, timeout: 120_000 };

export class SplunkScene {
  readonly app: SplunkApp;
  readonly fake = new FakeKinesis({ readLimits: false });
  readonly hosts: SplunkHost[] = [];
  /** Texts of all events that were put. */
  readonly sent: string[] = [];
  #simulator!: RunningSimulator;

  constructor(app: SplunkApp) {
    this.app = app;
    this.fake.createStream(STREAM, 2);
  }

  async open(): Promise<this> {
    this.#simulator = await startSimulator(this.fake);
    return this;
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.dispose()));
    await this.#simulator.close();
    for (const host of this.hosts) checkManners(host);
  }

  /** splunkd with the app, started. */
  host(options?: HostOptions): Promise<SplunkHost> {
    const host = new SplunkHost(this.app, options);
    this.hosts.push(host);
    return host.start();
  }

  /** Settings of an input that reads the stream from its horizon and is quick to look again. */
  settings(more: Stanza = {}): Stanza {
    return {
      stream_name: STREAM,
      aws_region: 'us-east-1',
      kinesis_endpoint: this.#simulator.url,
      initial_position: 'TRIM_HORIZON',
      idle_ms: '250',
      ...more,
    };
  }

  /** Numbered events over both shards; gives their texts back. */
  put(count: number): string[] {
    const texts = Array.from({ length: count }, (_, n) => `event ${this.sent.length + n}`);
    for (const text of texts) this.fake.put(STREAM, { data: text, key: text });
    this.sent.push(...texts);
    return texts;
  }

  /** An event of so many bytes. */
  putLarge(bytes: number): void {
    const text = `event ${this.sent.length} ${'x'.repeat(bytes)}`;
    this.fake.put(STREAM, { data: text, key: `key ${this.sent.length}` });
    this.sent.push(text);
  }

  /** Bytes that the service has answered with. */
  get fetched(): number {
    return this.fake.callsOf('GetRecords').reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Of what was put, what no host has got. */
  get missing(): string[] {
    const got = new Set(this.hosts.flatMap(({ texts }) => texts));
    return this.sent.filter((text) => !got.has(text));
  }

  /** Deliveries beyond the first. */
  get repeated(): number {
    const texts = this.hosts.flatMap((host) => host.texts);
    return texts.length - new Set(texts).size;
  }

  delivered(): Promise<void> {
    return this.until(() => this.missing.length === 0, 'every event has arrived');
  }

  /** Looks again every 20 ms. */
  async until(fact: () => boolean | Promise<boolean>, what: string, limitMs = PATIENCE_MS): Promise<void> {
    const limit = performance.now() + limitMs;
    while (!(await fact())) {
      if (performance.now() > limit) {
        const log = this.hosts.flatMap((host) => host.log.map(({ level, text }) => `${level} ${text}`));
        throw new Error(`did not happen: ${what}\n${log.slice(-20).join('\n')}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** What splunkd would show to nobody but its own log, and what it would show to everybody. */
function checkManners({ problems, log, runs }: SplunkHost): void {
  expect(problems).toEqual([]);
  expect(log.filter(({ levelled }) => !levelled)).toEqual([]);
  for (const { input, stalled } of runs) {
    expect(input.document.fault).toBeUndefined();
    expect(input.stdout + input.stderr).not.toMatch(SECRETS);
    // Who ends by itself ends its document, if anybody takes it.
    if (input.exited === 0 && !stalled && input.document.bytes > 0) expect(input.document.whole).toBe(true);
  }
}
