/** The contract of record sources, for each of them. */
import { describe } from 'vitest';
import { silentLog } from '../../base/events.ts';
import { PollingSource } from '../../reader/fetch/polling.ts';
import { PollingScene, STREAM } from '../faults/polling-scene.ts';
import { recordSourceContract, type RecordSourceSetting } from './record-source.ts';

describe('PollingSource', () => {
  recordSourceContract(async (): Promise<RecordSourceSetting> => {
    const scene = await new PollingScene().start();
    return {
      source: new PollingSource({ api: scene.api, log: silentLog(), clock: scene.clock }),
      shard: () => scene.shard(),
      put: (...data) => data.map((text) => scene.fake.put(STREAM, { data: text }).sequenceNumber),
      split: () => scene.fake.split(STREAM, scene.shard().shardId),
      nowMs: () => scene.clock.now(),
      until: (fact) => scene.until(fact),
    };
  });
});
