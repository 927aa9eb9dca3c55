/** What a test can make a fake splunkd do wrong, for the clients of one of its ports. */
import type { KvEndpoints } from './kv-endpoints.ts';

export class Faults {
  /** Of the KV store; its endpoints answer 503 unless it is `ready`. */
  kvStatus = 'ready';
  /** The KV store becomes ready after this many answers of kvstore/status. */
  readyAfter: number | undefined;
  /** Writes to the KV store fail while reads work. */
  readOnly = false;
  /** Deletes from the KV store fail. */
  noDeletes = false;
  /** No credentials are accepted any more. */
  expired = false;
  /** Capabilities that the user of the session does not have. */
  readonly denied = new Set<string>();
  /** limits.conf, [storage_passwords_masking]: secrets are given out as asterisks. */
  maskedPasswords = false;
  /** splunkd repeats the request in what it says about a refusal. */
  echo = false;
  /** Connections are cut before anything happens. */
  outage = false;
  /** Half of it before the call happens, half after. */
  delayMs = 0;
  /** Answers overtake each other. */
  unordered = false;
  #answersToLose = 0;
  readonly #refusals: (readonly [status: number, text: string])[] = [];
  #staleReads = 0;
  #copy: KvEndpoints | undefined;
  #answers = 0;

  /** The next writes happen, and their connections are cut instead of an answer. */
  loseAnswers(writes: number): void {
    this.#answersToLose = writes;
  }

  /** The next calls are answered with this, and nothing happens. */
  refuse(calls: number, status = 500, text = 'Internal Server Error'): void {
    for (let n = 0; n < calls; n++) this.#refusals.push([status, text]);
  }

  /** The next reads of the KV store come from a copy that is as `store` is now. */
  staleReads(reads: number, store: KvEndpoints): void {
    this.#staleReads = reads;
    this.#copy = store.copy();
  }

  takeRefusal(): readonly [status: number, text: string] | undefined {
    return this.#refusals.shift();
  }

  takeLostAnswer(writes: boolean): boolean {
    if (!writes || this.#answersToLose === 0) return false;
    this.#answersToLose--;
    return true;
  }

  takeStaleCopy(): KvEndpoints | undefined {
    if (this.#staleReads === 0) return undefined;
    this.#staleReads--;
    return this.#copy;
  }

  /** Of kvstore/status. */
  takeStatus(): string {
    if (this.readyAfter !== undefined && this.readyAfter-- <= 0) {
      this.kvStatus = 'ready';
      this.readyAfter = undefined;
    }
    return this.kvStatus;
  }

  /** How long the next answer is held back. */
  get holdMs(): number {
    return this.delayMs / 2 + (this.unordered ? [9, 0, 6, 3][this.#answers++ % 4]! : 0);
  }
}
