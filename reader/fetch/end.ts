/** When the end of a shard is believed: whoever believes it too early never reads what is left. */
import { KinlogError } from '../../base/errors.ts';
import { pages } from '../../base/pages.ts';
import type { RecordsAnswer, StreamApi } from './api.ts';
import type { Shard } from './source.ts';

export class EndOfShard {
  readonly #api: StreamApi;
  readonly #shardId: string;
  /** Known before the answer was asked for that says the shard has ended. */
  #closed: boolean;

  constructor(api: StreamApi, { shardId, closed }: Shard) {
    this.#api = api;
    this.#shardId = shardId;
    this.#closed = closed;
  }

  /** Kinesis names the children with the end. Other servers do not, so without them it may be a slip of the service: false, and reading goes on after the records
   *  of this answer, until a shard that was known to be closed has nothing more. Throws as long as the listing calls it open. `by` names the call. */
  async confirmed(
    { children, records }: Pick<RecordsAnswer, 'children' | 'records'>,
    by: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (children.length > 0) return true;
    if (this.#closed) return records.length === 0;
    const listed = await this.#listed(signal);
    // Not listed any more: all that it held has aged out.
    if (listed === undefined) return true;
    if (!listed.closed)
      throw new KinlogError(
        'KINLOG_SERVICE_UNAVAILABLE',
        `${by} calls ${this.#shardId} ended, ListShards calls it open`,
      );
    this.#closed = true;
    return false;
  }

  async #listed(signal: AbortSignal): Promise<Shard | undefined> {
    for await (const shard of pages((token: string | undefined) => this.#api.shards(token, signal)))
      if (shard.shardId === this.#shardId) return shard;
    return undefined;
  }
}
