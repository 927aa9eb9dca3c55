/** Whole readers that share a stream in real time through each of the stores behind a network: joined, killed, cut off from the store, asked to leave. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { EventLog } from '../../base/events.ts';
import { openDynamoStore } from '../../reader/checkpoint/dynamodb.ts';
import { comparePositions } from '../../reader/checkpoint/position.ts';
import type { CheckpointStore, RowRemover, StoredRow } from '../../reader/checkpoint/store.ts';
import { Reader } from '../../reader/index.ts';
import { freshTable } from '../contract/dynamodb-store.ts';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { simulatorHandler } from '../fakes/kinesis/handler.ts';
import { accessTo, startDynalite } from '../fakes/peers/dynalite.ts';
import { FaultyNetwork } from '../fakes/peers/dynamodb-network.ts';
import type { Peer } from '../fakes/peers/process.ts';
import { kvScene } from '../fakes/splunkd/kv-stores.ts';
import { Gate, GatedClock, gatedHandler, GatedOutput, GatedStore } from './leases-gate.ts';

const STREAM = 'shared-logs';
const KEY = { id: STREAM, createdMs: 0 };
/** The lease period, milliseconds. */
const T = 400;
const PATIENCE_MS = 20_000;

/** One reader's own way to the rows. */
interface Way {
  readonly store: CheckpointStore & RowRemover;
  cut(on: boolean): void;
}

interface Place {
  /** A new way to the same rows. */
  way(): Promise<Way>;
  close(): Promise<void>;
}

interface Delivery {
  readonly text: string;
  readonly by: string;
  readonly at: number;
}

class Scene {
  readonly fake = new FakeKinesis({ readLimits: false });
  readonly deliveries: Delivery[] = [];
  /** Everything that was stored, in any order. */
  readonly puts: StoredRow[] = [];
  readonly shardOf = new Map<string, string>();
  readonly #place: Place;
  readonly #stops: (() => Promise<void>)[] = [];
  #witness: Way | undefined;

  constructor(place: Place) {
    this.#place = place;
    this.fake.createStream(STREAM, 4);
  }

  async join(name: string) {
    const gate = new Gate();
    const way = await this.#place.way();
    const clock = new GatedClock(gate, systemClock);
    const log = new EventLog(() => undefined, 'debug');
    const shared = { store: way.store, time: systemClock, onPut: (_: string, row: StoredRow) => this.puts.push(row) };
    const told = (texts: readonly string[]) =>
      texts.forEach((text) => this.deliveries.push({ text, by: name, at: performance.now() }));
    const reader = new Reader({
      stream: STREAM,
      kinesis: {
        region: 'us-east-1',
        credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
        requestHandler: gatedHandler(gate, simulatorHandler(this.fake)),
      },
      store: new GatedStore(name, { gate, rows: shared, weather: { away: false, latencyMs: 0, lostAnswers: 0 } }),
      output: new GatedOutput(gate, clock, { begun: () => undefined, accepted: told }),
      start: { kind: 'horizon' },
      ...{ clock, log, name, leasePeriodMs: T, checkpointEveryMs: 100, idleMs: 50 },
    });
    const stop = new AbortController();
    const run = reader.run(stop.signal);
    const leave = async () => {
      stop.abort();
      await run;
    };
    const kill = () => {
      gate.dead = true;
      gate.close();
      way.cut(true);
    };
    this.#stops.push(() => (gate.dead ? Promise.resolve() : leave()));
    return { ...{ name, leave, kill, way }, late: () => log.total('events_delivered_late') };
  }

  put(count: number): void {
    for (let n = 0; n < count; n++) {
      const key = `key ${n % 12}`;
      const text = `${this.shardOf.size} ${key}`;
      this.shardOf.set(text, this.fake.put(STREAM, { data: text, key }).shardId);
    }
  }

  get missing(): number {
    return this.shardOf.size - new Set(this.deliveries.map(({ text }) => text)).size;
  }

  get repeated(): number {
    return this.deliveries.length - new Set(this.deliveries.map(({ text }) => text)).size;
  }

  async rows(): Promise<StoredRow[]> {
    this.#witness ??= await this.#place.way();
    const rows: StoredRow[] = [];
    for await (const row of this.#witness.store.rows(KEY, AbortSignal.timeout(PATIENCE_MS))) rows.push(row);
    return rows;
  }

  /** Until every reader named has so many shards, and nobody else has any. */
  shared(loads: Readonly<Record<string, number>>): Promise<void> {
    return this.until(async () => {
      const counts: Record<string, number> = {};
      for (const { owner = 'nobody' } of await this.rows()) {
        const name = owner.split('/')[0]!;
        counts[name] = (counts[name] ?? 0) + 1;
      }
      return JSON.stringify(Object.entries(counts).sort()) === JSON.stringify(Object.entries(loads).sort());
    });
  }

  delivered(): Promise<void> {
    return this.until(() => this.missing === 0);
  }

  async until(fact: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!(await fact())) {
      if (performance.now() > deadline) throw new Error(`it did not come true: ${JSON.stringify(await this.rows())}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#stops.map((stop) => stop()));
    await this.#place.close();
  }
}

let dynalite: Peer;
let scene: Scene;

beforeAll(async () => {
  dynalite = await startDynalite();
});
afterAll(() => dynalite.close());
afterEach(() => scene.close());

function onDynamo(): Place {
  const table = freshTable();
  const ways: Way[] = [];
  const way = () => {
    const network = new FaultyNetwork();
    const store = openDynamoStore({ table, client: { ...accessTo(dynalite.url), requestHandler: network } });
    ways.push({ store, cut: (on) => network.outage(on) });
    return Promise.resolve(ways.at(-1)!);
  };
  const close = async () => {
    await Promise.all(ways.map(({ store }) => store.close()));
  };
  return { way, close };
}

function onSplunkd(): Place {
  const splunkd = kvScene();
  const way = async () => {
    const { store, port } = await splunkd.open();
    const cut = (on: boolean) => {
      port.faults.outage = on;
    };
    return { store, cut };
  };
  return { way, close: splunkd.dispose };
}

/** No put of a later version lies before one of an earlier version. */
function expectNoWayBack(puts: readonly StoredRow[]): void {
  for (const [shardId, rows] of Map.groupBy(puts, (row) => row.shardId)) {
    const inOrder = rows.toSorted((a, b) => a.version - b.version);
    for (const [n, row] of inOrder.entries())
      if (n > 0) expect(comparePositions(inOrder[n - 1]!.position, row.position), shardId).toBeLessThanOrEqual(0);
    expect(new Set(rows.map(({ version }) => version)).size, shardId).toBe(rows.length);
  }
}

describe.each([
  ['the DynamoDB store', onDynamo],
  ['the KV store', onSplunkd],
])('readers on %s', (_, place) => {
  test('share a stream without a duplicate, and when one is killed the other reads everything', async () => {
    scene = new Scene(place());
    const first = await scene.join('first');
    scene.put(100);
    await scene.shared({ first: 4 });
    const second = await scene.join('second');
    await scene.shared({ first: 2, second: 2 });
    scene.put(100);
    await scene.delivered();
    expect(scene.repeated).toBe(0);
    expect(new Set(scene.deliveries.map(({ by }) => by))).toEqual(new Set(['first', 'second']));
    second.kill();
    const killed = performance.now();
    scene.put(100);
    await scene.delivered();
    expect(performance.now() - killed).toBeGreaterThan(T);
    await scene.shared({ first: 4 });
    await first.leave();
    await scene.shared({ nobody: 4 });
    expectNoWayBack(scene.puts);
  });

  test('that are cut off from it deliver nothing once another may have their shards, and share again afterwards', async () => {
    scene = new Scene(place());
    await scene.join('first');
    const second = await scene.join('second');
    await scene.shared({ first: 2, second: 2 });
    scene.put(60);
    await scene.delivered();
    second.way.cut(true);
    const feeding = setInterval(() => scene.put(12), 50);
    try {
      await scene.shared({ first: 4 });
      const taken = performance.now();
      await scene.until(() => scene.deliveries.some(({ by, at }) => by === 'first' && at > taken + 3 * T));
      expect(scene.deliveries.filter(({ by, at }) => by === 'second' && at > taken)).toEqual([]);
      second.way.cut(false);
      await scene.shared({ first: 2, second: 2 });
    } finally {
      clearInterval(feeding);
    }
    await scene.delivered();
    expect(second.late()).toBe(0);
    expectNoWayBack(scene.puts);
  });
});
