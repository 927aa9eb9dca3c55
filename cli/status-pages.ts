/** What the status server of `kinlog run` answers. */
import type { KinlogError } from '../base/errors.ts';
import type { ReaderStatus } from '../reader/index.ts';
import { metricsOf, type Measured, type MeasuredStream } from './metrics.ts';
import type { StreamConfig } from './run-config.ts';
import type { StandingError } from './standing-errors.ts';
import { text, type Pages } from './status-server.ts';
import { storeName } from './store.ts';

export interface StatusSource extends Measured {
  readonly name: string;
  readonly streams: readonly (MeasuredStream & {
    readonly config: StreamConfig;
    readonly failure: KinlogError | undefined;
    readonly errors: readonly StandingError[];
  })[];
  /** Asked to stop. */
  readonly stopping: () => boolean;
}

export function statusPages(source: StatusSource): Pages {
  const metrics = metricsOf(source);
  return {
    // Whoever gets this answer has seen the loop of the process turn.
    '/healthz': () => text(200, 'ok'),
    '/readyz': () => {
      const reasons = source.streams
        .filter(({ notReady }) => notReady !== undefined)
        .map(({ config, notReady }) => `${config.id}: ${notReady!}`);
      for (const { name, notReady } of source.outputs())
        if (notReady !== undefined) reasons.push(`${name} ${notReady}`);
      if (source.stopping()) reasons.unshift('stopping');
      return reasons.length === 0 ? text(200, 'ok') : text(503, reasons.join('\n'));
    },
    '/metrics': async () => ({ status: 200, type: metrics.contentType, body: await metrics.metrics() }),
    '/status': () => ({
      status: 200,
      type: 'application/json',
      body: `${JSON.stringify(statusOf(source), undefined, 2)}\n`,
    }),
  };
}

function statusOf(source: StatusSource): object {
  return {
    name: source.name,
    version: source.version,
    node: process.versions.node,
    uptimeSeconds: Math.round(process.uptime()),
    stopping: source.stopping(),
    inFlightBytes: source.budget.held,
    outputs: source.outputs().map(({ name, notReady }) => ({
      name,
      ok: notReady === undefined,
      ...(notReady === undefined ? {} : { error: notReady }),
    })),
    streams: source.streams.map((stream) => ({
      id: stream.config.id,
      ready: stream.notReady === undefined,
      ...(stream.notReady === undefined ? {} : { notReady: stream.notReady }),
      errors: stream.errors,
      store: { name: storeName(stream.config.store), ok: stream.storeOk },
      positionStored: timeText(stream.positionStoredMs),
      eventsDelivered: timeText(stream.eventsDeliveredMs),
      totals: stream.log.totals(),
      reader: stream.status === undefined ? null : readable(stream.status),
    })),
  };
}

function readable(status: ReaderStatus): object {
  return {
    ...status,
    shards: status.shards.map(({ arrivalMs, ...shard }) => ({
      ...shard,
      lastArrival: timeText(arrivalMs || undefined),
    })),
  };
}

const timeText = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString());
