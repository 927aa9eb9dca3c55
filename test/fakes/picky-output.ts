/** An output that never accepts certain events, and refuses every batch that holds one. */
import { KinlogError } from '../../base/errors.ts';
import type { EventBatch } from '../../record/batch.ts';
import { FakeOutput } from './output.ts';

export class PickyOutput extends FakeOutput {
  /** Writes so far, refused ones too. */
  writes = 0;
  readonly #refuses: (text: string) => boolean;

  constructor(refuses: (text: string) => boolean) {
    super();
    this.#refuses = refuses;
  }

  override async write(batch: EventBatch, signal: AbortSignal): Promise<void> {
    this.writes++;
    const poison = [...batch].find(({ text }) => this.#refuses(text));
    if (poison !== undefined) throw new KinlogError('KINLOG_EVENTS_REFUSED', `no place for ${poison.text}`);
    await super.write(batch, signal);
  }
}
