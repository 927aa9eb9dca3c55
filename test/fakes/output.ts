/** An output that keeps what it accepted, and can be told to wait, to refuse or to break. */
import type { EventBatch } from '../../record/batch.ts';
import type { Output } from '../../reader/output/output.ts';

export interface KeptEvent {
  readonly text: string;
  readonly sequenceNumber: string;
  readonly subSequence: number;
  readonly mark: number;
}

export class FakeOutput implements Output {
  readonly events: KeptEvent[] = [];
  /** Writes that wait at this moment. */
  waiting = 0;
  readonly #refusals: Error[] = [];
  #held: PromiseWithResolvers<void> | undefined;

  get texts(): string[] {
    return this.events.map((event) => event.text);
  }

  /** Accepts nothing until `release`. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  refuseNext(error: Error): void {
    this.#refusals.push(error);
  }

  async write(batch: EventBatch, signal: AbortSignal): Promise<void> {
    if (this.#held !== undefined) {
      signal.throwIfAborted();
      this.waiting++;
      const aborted = Promise.withResolvers<never>();
      const abort = () => aborted.reject(signal.reason as Error);
      signal.addEventListener('abort', abort, { once: true });
      await Promise.race([this.#held.promise, aborted.promise]).finally(() => {
        this.waiting--;
        signal.removeEventListener('abort', abort);
      });
    }
    const refusal = this.#refusals.shift();
    if (refusal !== undefined) throw refusal;
    for (const [k, place] of batch.records.entries())
      for (let i = batch.firstEvent[k]!; i < batch.firstEvent[k + 1]!; i++) {
        const { text, mark } = batch.at(i);
        this.events.push({ text, mark, sequenceNumber: place.sequenceNumber, subSequence: place.subSequence });
      }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
