/** The contract of record sources, for each of them. */
import { describe } from 'vitest';
import { silentLog } from '../../base/events.ts';
import { FanOutSource } from '../../reader/fetch/fan-out.ts';
import { PollingSource } from '../../reader/fetch/polling.ts';
import { CONSUMER, FanOutScene } from '../faults/fan-out-scene.ts';
import { PollingScene } from '../faults/polling-scene.ts';
import { STREAM } from '../faults/source-scene.ts';
import { recordSourceContract, type RecordSourceSetting } from './record-source.ts';

const setting = (source: RecordSourceSetting['source'], scene: PollingScene | FanOutScene): RecordSourceSetting => ({
  source,
  shard: () => scene.shard(),
  put: (...data) => data.map((text) => scene.fake.put(STREAM, { data: text }).sequenceNumber),
  split: () => scene.fake.split(STREAM, scene.shard().shardId),
  nowMs: () => scene.clock.now(),
  until: (fact) => scene.until(fact),
});

describe('PollingSource', () => {
  recordSourceContract(async () => {
    const scene = await new PollingScene().start();
    return setting(new PollingSource({ api: scene.api, log: silentLog(), clock: scene.clock }), scene);
  });
});

describe('FanOutSource', () => {
  recordSourceContract(async () => {
    const scene = await new FanOutScene().start();
    const { api, pushing, clock } = scene;
    return setting(new FanOutSource({ api, pushing, clock, log: silentLog(), consumer: CONSUMER }), scene);
  });
});
