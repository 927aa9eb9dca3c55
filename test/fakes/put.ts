/** A stream behind the PutApi port: keeps what it took in the order it took it, and misbehaves as told. */
import type { KinlogError } from '../../base/errors.ts';
import type { PutApi, PutEntry, Stored } from '../../sender/put.ts';

/** What happens to a call: each entry's refusal (undefined = stored), or a failure of the call before or after everything was stored. */
export type PutFate =
  | { readonly refuse: (entry: PutEntry, index: number) => KinlogError | undefined }
  | { readonly failBefore: KinlogError }
  | { readonly failAfter: KinlogError };

export class FakePut implements PutApi {
  readonly stored: PutEntry[] = [];
  readonly calls: (readonly PutEntry[])[] = [];
  mostAtOnce = 0;
  #now = 0;
  readonly #fate: (call: number) => PutFate | undefined;
  readonly #answerAfter: (call: number, signal: AbortSignal) => Promise<void>;

  constructor(
    fate: (call: number) => PutFate | undefined = () => undefined,
    answerAfter: (call: number, signal: AbortSignal) => Promise<void> = () => Promise.resolve(),
  ) {
    this.#fate = fate;
    this.#answerAfter = answerAfter;
  }

  async put(entries: readonly PutEntry[], signal: AbortSignal): Promise<readonly (Stored | KinlogError)[]> {
    const call = this.calls.push(entries) - 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#now);
    try {
      await this.#answerAfter(call, signal);
      return this.#answer(entries, this.#fate(call));
    } finally {
      this.#now--;
    }
  }

  #answer(entries: readonly PutEntry[], fate: PutFate | undefined): readonly (Stored | KinlogError)[] {
    if (fate !== undefined && 'failBefore' in fate) throw fate.failBefore;
    const answers = entries.map((entry, i) => {
      const refusal = fate !== undefined && 'refuse' in fate ? fate.refuse(entry, i) : undefined;
      if (refusal !== undefined) return refusal;
      this.stored.push(entry);
      return { shardId: 'shardId-000000000000', sequenceNumber: String(this.stored.length) };
    });
    if (fate !== undefined && 'failAfter' in fate) throw fate.failAfter;
    return answers;
  }

  /** Everything stored, as text. */
  text(): string {
    return this.stored.map(({ data }) => Buffer.from(data).toString()).join('');
  }
}
