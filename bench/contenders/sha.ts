/** Proof that two contenders wrote the same bytes. */
import { createHash } from 'node:crypto';

export class Sha {
  readonly #hash = createHash('sha256');

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  end(): string {
    return this.#hash.digest('hex');
  }
}
