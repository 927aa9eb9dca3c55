/** What the stream is made of: its description and all its shards, however long the listing takes. */
import { pages } from '../../base/pages.ts';
import { retry, type RetryOptions } from '../../base/retry.ts';
import type { StreamApi, StreamDescription } from '../fetch/api.ts';
import type { Shard } from '../fetch/source.ts';

export type ListOptions = Omit<RetryOptions, 'doing'>;

/** Every shard within the retention, open and closed, in the order of the service. A failure on the way, such as a continuation that expired,
 *  starts the listing anew: a half of it would miss shards. */
export function listShards(stream: StreamApi, options: ListOptions): Promise<Shard[]> {
  return retry(() => listOnce(stream, options.signal), { ...options, doing: 'listing the shards' });
}

export function describeStream(stream: StreamApi, options: ListOptions): Promise<StreamDescription> {
  return retry(() => stream.describe(options.signal), { ...options, doing: 'describing the stream' });
}

async function listOnce(stream: StreamApi, signal: AbortSignal): Promise<Shard[]> {
  const shards: Shard[] = [];
  for await (const shard of pages((token: string | undefined) => stream.shards(token, signal))) shards.push(shard);
  return shards;
}
