/** kinesalite (npm): the second opinion on error texts, and on a shard that ends with an extra, empty page. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { startPeer, type Peer } from './process.ts';

const require = createRequire(import.meta.url);
const PORT = 4567;

/** Speaks plain HTTP/1.1 only (NodeHttpHandler). */
export function startKinesalite({ changeMs = 10 }: { readonly changeMs?: number } = {}): Promise<Peer> {
  const durations = ['createStreamMs', 'deleteStreamMs', 'updateStreamMs'];
  return startPeer({
    name: 'kinesalite',
    entry: path.join(path.dirname(require.resolve('kinesalite')), 'cli.js'),
    args: [...durations.flatMap((name) => [`--${name}`, String(changeMs)]), '--shardLimit', '500'],
    port: PORT,
  });
}
