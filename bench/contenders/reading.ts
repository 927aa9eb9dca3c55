/** What a round of reading is worth, and that it read everything. */
import type { Options, Round } from '../contender.ts';

/** What the server of the row holds, and the unit that the row wants. */
interface Stage {
  readonly records: number;
  readonly events: number;
  readonly payloadBytes: number;
  /** `payload`: MB of HEC lines a second. `records`: thousands a second. `peak`: MiB of memory in the life of the process. */
  readonly measure: 'payload' | 'records' | 'peak';
}

export interface Found {
  readonly records?: number;
  readonly events?: number;
}

export async function measured(options: Options, read: () => Promise<Found>): Promise<number> {
  const stage = options as unknown as Stage;
  const begun = performance.now();
  const { records = stage.records, events = stage.events } = await read();
  const ms = performance.now() - begun;
  if (records !== stage.records || events !== stage.events)
    throw new Error(`read ${records} records, ${events} events instead of ${stage.records} and ${stage.events}`);
  if (stage.measure === 'peak') return process.resourceUsage().maxRSS / 1024;
  return stage.measure === 'records' ? records / ms : stage.payloadBytes / 1e3 / ms;
}

/** In the life of a process: how long it has run, and the CPU of all its threads. */
export interface Moment {
  readonly ms: number;
  readonly cpuMs: number;
}

/** From the first record that was handed on to the last, for readers that start slowly. */
export function fromFirstToLast(first: Moment, last: Moment, records: number): Round & { readonly cpuS: number } {
  return {
    value: records / (last.ms - first.ms),
    cpuS: last.cpuMs / 1000,
    also: { 'seconds from the start to the first record': first.ms / 1000 },
  };
}
