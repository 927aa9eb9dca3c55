/** What a reader knows of itself, for people and probes: nothing here decides anything. */

export type ReaderState = 'starting' | 'reading' | 'stopping' | 'stopped' | 'failed';

/** `elsewhere`: another reader owns it; `waiting`: for its parents; `handing-over`: drained for the reader that asked; `failed`: left until the next start; `unowned`: nobody reads it yet. */
export type ShardState = 'reading' | 'handing-over' | 'waiting' | 'elsewhere' | 'unowned' | 'failed' | 'ended';

export interface ShardStatus {
  readonly shardId: string;
  readonly state: ShardState;
  /** As `positionText` writes it; what is stored, or accepted and about to be. */
  readonly position: string;
  readonly owner?: string;
  readonly parents: readonly string[];
  /** How far the last page lay behind the tip, milliseconds; absent before the first page. */
  readonly behindMs?: number;
  /** Arrival of the last accepted record, milliseconds since the epoch; 0 = none yet. */
  readonly arrivalMs: number;
  /** Why it stands still, with code and remedy. */
  readonly lastError?: string;
}

export interface ReaderStatus {
  readonly stream: string;
  /** How this reader calls itself in the rows. */
  readonly owner: string;
  readonly state: ReaderState;
  readonly lastError?: string;
  readonly shards: readonly ShardStatus[];
}
