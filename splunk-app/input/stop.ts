/** What ends a run: splunkd's signals, or splunkd itself being gone. */
import { isAbort, type Clock } from '../../base/clock.ts';
import type { EventLog } from '../../base/events.ts';

/** Unix sends SIGTERM, a terminal SIGINT, Windows SIGBREAK. */
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGBREAK'] as const;
const PARENT_CHECK_MS = 2000;

export interface StopContext {
  readonly stop: AbortController;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly parent: () => number;
}

/** Aborts `stop` at the first signal, or when the parent is another one than at the start: that one died without telling. Ends with `stop`. */
export function stopOnSignals(context: StopContext): void {
  const { stop, log } = context;
  for (const signal of SIGNALS)
    process.on(signal, () => {
      if (stop.signal.aborted) return;
      log.emit('input.stopping', { signal });
      stop.abort();
    });
  void watchParent(context);
}

export async function watchParent({ stop, log, clock, parent }: StopContext): Promise<void> {
  const first = parent();
  try {
    while (parent() === first) await clock.sleep(PARENT_CHECK_MS, stop.signal);
  } catch (error) {
    if (isAbort(error)) return;
    throw error;
  }
  log.emit('input.orphaned');
  stop.abort();
}
