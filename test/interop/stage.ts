/** One stream, one lease table, and readers of both kinds that take turns on them; all of them end with it. */
import type { Peer } from '../fakes/peers/process.ts';
import { until } from '../flow/cli-process.ts';
import { KclWorker, type KclVersion } from './kcl-worker.ts';
import { KinlogReader } from './kinlog-reader.ts';
import { readTable, type LeaseTableItems } from './lease-table.ts';
import { Scene } from './scene.ts';

export interface Servers {
  readonly kinesis: Peer;
  readonly dynamo: Peer;
}

/** The slowest wait: a KCL 3 on an empty table needs half a minute, and kinlog watches a stopped KCL for 40 seconds. */
const PATIENCE_MS = 120_000;

export type Reader = KclWorker | KinlogReader;

export class Stage implements AsyncDisposable {
  readonly scene: Scene;
  readonly version: KclVersion;
  /** What a KCL calls the stream in a table for several; undefined when the table is for one. */
  readonly identifier: string | undefined;
  readonly #servers: Servers;
  readonly #ends: (() => Promise<unknown>)[] = [];
  readonly #openedAt = performance.now();

  private constructor(scene: Scene, version: KclVersion, servers: Servers, identifier?: string) {
    this.scene = scene;
    this.version = version;
    this.identifier = identifier;
    this.#servers = servers;
  }

  static async open(name: string, version: KclVersion, servers: Servers): Promise<Stage> {
    return new Stage(await Scene.make(servers.kinesis.url, `${name}-${version}`), version, servers);
  }

  /** With a table that could hold several streams. */
  static async openForSeveral(version: KclVersion, servers: Servers): Promise<Stage> {
    const scene = await Scene.make(servers.kinesis.url, `several-${version}`);
    return new Stage(scene, version, servers, await scene.identifier());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#ends.map((end) => end()));
    this.scene.close();
  }

  kcl(name: string, holdAfter?: string): KclWorker {
    const worker = new KclWorker({
      ...this.#place(name),
      ...(this.identifier && { stream: this.identifier }),
      ...(holdAfter && { holdAfter }),
      version: this.version,
    });
    this.#ends.push(() => worker.kill());
    return worker;
  }

  kinlog(name: string, holdAt?: string): KinlogReader {
    const reader = new KinlogReader({
      ...this.#place(name),
      ...(holdAt && { holdAt }),
      keys: this.identifier === undefined ? 'shard' : 'stream',
    });
    this.#ends.push(() => reader.stop());
    return reader;
  }

  table(): Promise<LeaseTableItems> {
    return readTable(this.#servers.dynamo.url, this.scene.name);
  }

  /** A line on how far the scenario is, because it takes minutes. */
  readonly say = (what: string): void => {
    const seconds = Math.round((performance.now() - this.#openedAt) / 1000);
    process.stdout.write(`${String(seconds).padStart(4)} s  ${this.scene.name}: ${what}\n`);
  };

  /** Until the readers together took these events; the last of them is the one that reads. */
  readonly taken = async (texts: readonly string[], ...readers: readonly Reader[]): Promise<void> => {
    const missing = () => {
      const all = new Set(readers.flatMap(({ taken }) => taken));
      return texts.filter((text) => !all.has(text));
    };
    const failed = () => readers.at(-1)?.failure;
    try {
      await until(() => missing().length === 0 || failed() !== undefined, 'events', PATIENCE_MS);
    } catch {
      const logs = readers.map(({ log }) => log).join('\n');
      throw new Error(`${missing().length} of ${texts.length} events were not taken: ${missing().join(' ')}\n${logs}`);
    }
    if (failed() !== undefined) throw new Error(failed());
  };

  #place(name: string) {
    const { scene } = this;
    const { kinesis, dynamo } = this.#servers;
    return { name, stream: scene.name, table: scene.name, kinesisUrl: kinesis.url, dynamoUrl: dynamo.url };
  }
}
