/** The metrics log over the whole run of a stanza: from before its secrets are asked for until it has been told why reading ended. */
import path from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { EventLog, LogLine } from '../../base/events.ts';
import type { ReaderStatus } from '../../reader/index.ts';
import { MetricsLog } from './metrics-log.ts';
import type { StanzaOptions } from './options.ts';

/** What can tell how a reader stands. */
export interface Telling {
  status(): ReaderStatus | undefined;
}

export interface Measuring {
  /** To be told every line of the stanza and of its output, those of level debug too. */
  note(line: LogLine): void;
  /** The reader that reads from now on; on a captain there may be several, one after another. */
  reads(reader: Telling): void;
  /** Settles when the last lines are written, or at most half a second later. */
  end(): Promise<void>;
}

interface MeasuredStanza {
  /** Full name. */
  readonly name: string;
  readonly options: StanzaOptions;
  readonly log: EventLog;
  readonly clock: Clock;
  /** Of Splunk; without it there are no logs that it could be among. */
  readonly home: string | undefined;
}

const OFF: Measuring = { note: () => undefined, reads: () => undefined, end: () => Promise.resolve() };

export function measure({ name, options, log, clock, home = '' }: MeasuredStanza): Measuring {
  if (home === '' || options.metricsIntervalS === 0) return OFF;
  let stalled = false;
  let reader: Telling | undefined;
  const metrics = new MetricsLog({
    folder: path.join(home, 'var/log/splunk'),
    stanza: name,
    stream: options.streamName,
    region: options.awsRegion,
    everyMs: options.metricsIntervalS * 1000,
    status: () => reader?.status(),
    stalled: () => stalled,
    log,
    clock,
  });
  const over = new AbortController();
  const running = metrics.run(over.signal);
  return {
    note: (line) => {
      if (line.name === 'output.stalled') stalled = true;
      if (line.name === 'output.resumed') stalled = false;
      metrics.note(line);
    },
    reads: (next) => {
      reader = next;
    },
    end: () => {
      over.abort();
      return running;
    },
  };
}
