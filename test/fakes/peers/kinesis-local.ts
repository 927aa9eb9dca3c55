/** kinesis-local (npm; etspaceman/kinesis-mock compiled to JavaScript): the independent server for resharding. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { startPeer, type Peer } from './process.ts';
import { untilActive } from './ready.ts';

const require = createRequire(import.meta.url);
const PLAIN_PORT = 4568;

export interface KinesisLocalOptions {
  /** Made at start: `name:shards`, comma-separated. */
  readonly streams?: string;
  /** How long creating, splitting and the like take; 10 without it. */
  readonly changeMs?: number;
}

/** Ready to use, its streams active. Speaks plain HTTP/1.1 only (NodeHttpHandler). */
export async function startKinesisLocal({ streams = '', changeMs = 10 }: KinesisLocalOptions = {}): Promise<Peer> {
  const entry = require.resolve('kinesis-local');
  const changes = ['CREATE_STREAM', 'DELETE_STREAM', 'SPLIT_SHARD', 'MERGE_SHARDS', 'UPDATE_SHARD_COUNT'];
  const peer = await startPeer({
    name: 'kinesis-local',
    entry,
    port: PLAIN_PORT,
    env: {
      KINESIS_MOCK_PLAIN_PORT: String(PLAIN_PORT),
      KINESIS_MOCK_TLS_PORT: String(PLAIN_PORT - 1),
      // Without it the server looks for its certificate in the working directory, even for plain HTTP.
      KINESIS_MOCK_CERT_PATH: path.join(path.dirname(entry), 'server.json'),
      SHARD_LIMIT: '500',
      LOG_LEVEL: 'ERROR',
      ...Object.fromEntries(changes.map((change) => [`${change}_DURATION`, `${changeMs}ms`])),
      ...(streams === '' ? {} : { INITIALIZE_STREAMS: streams }),
    },
  });
  const names = streams.split(',').map((stream) => stream.split(':')[0]!);
  await untilActive(peer, names.filter(Boolean));
  return peer;
}
