/** The most memory, MiB, that the packaged app ever had while it read a whole stream. */
import { once } from 'node:events';
import type { Contender, Options } from '../contender.ts';
import { memoryMiB, withApp, type Reading } from './app-process.ts';

const END = Buffer.from('</event>');

export function open(options: Options): Contender {
  const { events: expected, ...reading } = options as unknown as Reading & { events: number };
  return {
    round: () =>
      withApp(reading, 'pipe', async (app) => {
        const counter = new EventCounter();
        app.stdout!.on('data', (chunk: Buffer) => {
          counter.add(chunk);
          if (counter.events >= expected) app.stdout!.emit('complete');
        });
        await once(app.stdout!, 'complete');
        return memoryMiB(app.pid!, 'VmHWM');
      }),
  };
}

/** Counts the ends of elements, also those that are cut by chunks. */
class EventCounter {
  events = 0;
  #tail = Buffer.alloc(0);

  add(chunk: Buffer): void {
    const bytes = Buffer.concat([this.#tail, chunk]);
    let at = bytes.indexOf(END);
    let rest = 0;
    for (; at >= 0; at = bytes.indexOf(END, rest)) {
      this.events++;
      rest = at + END.length;
    }
    this.#tail = bytes.subarray(Math.max(rest, bytes.length - END.length + 1));
  }
}
