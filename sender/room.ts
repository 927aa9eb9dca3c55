/** Bounds what the sender holds, in bytes, and lets those in first who came first. */

export class Room {
  readonly #limit: number;
  readonly #waiting: (() => void)[] = [];
  #held = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get held(): number {
    return this.#held;
  }

  /** The last one in may go over the limit, so that no event is too large to be tried. */
  get free(): boolean {
    return this.#held < this.#limit && this.#waiting.length === 0;
  }

  get crowded(): boolean {
    return this.#waiting.length > 0;
  }

  /** `admit` runs once there is room, and takes it. */
  wait(admit: () => void): void {
    this.#waiting.push(admit);
  }

  take(bytes: number): void {
    this.#held += bytes;
  }

  give(bytes: number): void {
    this.#held -= bytes;
    while (this.#held < this.#limit && this.#waiting.length > 0) this.#waiting.shift()!();
  }
}
