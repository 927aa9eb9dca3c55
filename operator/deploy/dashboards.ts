/** Dashboards for Grafana: one for the readers, one for the operator. Model: https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/ */
import { OURS } from './alerts.ts';

interface Panel {
  readonly title: string;
  readonly description?: string;
  readonly unit: 'short' | 's' | 'bytes' | 'ops' | 'Bps' | 'percentunit' | 'dateTimeFromNow';
  /** PromQL → legend. */
  readonly queries: Readonly<Record<string, string>>;
}

const OF = 'namespace=~"$namespace",stream=~"$stream"';
const POD = 'namespace=~"$namespace"';

const READERS: readonly Panel[] = [
  {
    title: 'Behind the tip',
    description:
      'How far the furthest shard of each stream lies behind. Beyond the retention of the stream records are lost.',
    unit: 's',
    queries: { [`max by (namespace, stream) (kinlog_behind_seconds{${OF}})`]: '{{namespace}} {{stream}}' },
  },
  {
    title: 'Events delivered',
    unit: 'ops',
    queries: {
      [`sum by (namespace, stream) (rate(kinlog_events_delivered_total{${OF}}[$__rate_interval]))`]:
        '{{namespace}} {{stream}}',
    },
  },
  {
    title: 'Bytes read',
    unit: 'Bps',
    queries: {
      [`sum by (namespace, stream) (rate(kinlog_bytes_read_total{${OF}}[$__rate_interval]))`]:
        '{{namespace}} {{stream}}',
    },
  },
  {
    title: 'Streams that are not read',
    description: '1 from the moment that a stream, or a shard of it that is ours, is not read.',
    unit: 'short',
    queries: { [`1 - min by (namespace, stream) (kinlog_stream_ready{${OF}})`]: '{{namespace}} {{stream}}' },
  },
  {
    title: 'Stores and outputs that take nothing',
    unit: 'short',
    queries: {
      [`1 - min by (namespace, pod) (kinlog_store_ok{${POD}})`]: 'store of {{namespace}} {{pod}}',
      [`1 - min by (namespace, pod) (kinlog_output_ok{${POD}})`]: 'output of {{namespace}} {{pod}}',
    },
  },
  {
    title: 'Refused by Splunk, lost, put aside',
    unit: 'short',
    queries: {
      [`sum by (namespace, pod) (increase(kinlog_output_refusals_total{${POD}}[$__rate_interval]))`]:
        'refusals {{namespace}} {{pod}}',
      [`sum by (namespace, stream) (increase(kinlog_data_losses_total{${OF}}[$__rate_interval]))`]:
        'losses {{namespace}} {{stream}}',
      [`sum by (namespace, pod) (increase(kinlog_events_dead_lettered_total{${POD}}[$__rate_interval]))`]:
        'dead letters {{namespace}} {{pod}}',
    },
  },
  {
    title: 'Last position stored',
    unit: 'dateTimeFromNow',
    queries: {
      [`1000 * min by (namespace, stream) (kinlog_position_stored_timestamp_seconds{${OF}})`]:
        '{{namespace}} {{stream}}',
    },
  },
  {
    title: 'Shards',
    unit: 'short',
    queries: { [`sum by (state) (kinlog_shards{${OF}})`]: '{{state}}' },
  },
  {
    title: 'Fetched and not accepted yet',
    unit: 'percentunit',
    queries: { [`kinlog_in_flight_bytes{${POD}} / kinlog_in_flight_limit_bytes{${POD}}`]: '{{namespace}} {{pod}}' },
  },
  {
    title: 'Throttled by Kinesis',
    unit: 'ops',
    queries: {
      [`sum by (namespace, stream) (rate(kinlog_throttles_total{${OF}}[$__rate_interval]))`]:
        '{{namespace}} {{stream}}',
    },
  },
];

/** For metrics that do not say whose they are. */
const IN_OUR_PODS = 'on (namespace, pod) kinlog_operator_build_info';

const OPERATOR: readonly Panel[] = [
  {
    title: 'LogStreams',
    unit: 'short',
    queries: {
      'sum by (ready) (max by (namespace, ready) (kinlog_operator_logstreams))': 'Ready {{ready}}',
      'sum by (reason) (max by (namespace, reason) (kinlog_operator_logstreams_stalled))': 'Stalled {{reason}}',
    },
  },
  {
    title: 'Passes',
    unit: 'ops',
    queries: {
      [`sum by (result) (rate(controller_runtime_reconcile_total${OURS}[$__rate_interval]))`]: '{{result}}',
    },
  },
  {
    title: 'Duration of a pass',
    unit: 's',
    queries: { [duration(0.5)]: 'p50', [duration(0.99)]: 'p99' },
  },
  {
    title: 'Queue',
    unit: 'short',
    queries: {
      [`sum(workqueue_depth${OURS})`]: 'waiting',
      [`sum(controller_runtime_active_workers${OURS})`]: 'worked on',
    },
  },
  {
    title: 'Failures',
    unit: 'ops',
    queries: {
      [`sum(rate(controller_runtime_reconcile_errors_total${OURS}[$__rate_interval]))`]: 'errors',
      [`sum(rate(controller_runtime_terminal_reconcile_errors_total${OURS}[$__rate_interval]))`]: 'terminal',
      [`sum(rate(controller_runtime_reconcile_panics_total${OURS}[$__rate_interval]))`]: 'unexpected',
      'sum(rate(kinlog_operator_reflector_failures_total[$__rate_interval]))': 'watches',
    },
  },
  {
    title: 'Requests to the API server',
    unit: 'ops',
    queries: {
      [`sum by (method, code) (rate(rest_client_requests_total[$__rate_interval]) and ${IN_OUR_PODS})`]:
        '{{method}} {{code}}',
    },
  },
  {
    title: 'Leader',
    unit: 'short',
    queries: { 'leader_election_master_status{name="kinlog-operator"}': '{{pod}}' },
  },
  {
    title: 'Memory',
    unit: 'bytes',
    queries: { [`process_resident_memory_bytes and ${IN_OUR_PODS}`]: '{{pod}}' },
  },
];

function duration(quantile: number): string {
  const bucket = `controller_runtime_reconcile_time_seconds_bucket${OURS}`;
  return `histogram_quantile(${quantile}, sum by (le) (rate(${bucket}[$__rate_interval])))`;
}

/** Of a panel; a dashboard is 24 wide. */
const WIDTH = 12;
const HEIGHT = 8;
/** Whoever looks chooses it. */
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const;

/** File name → dashboard. */
export const DASHBOARDS: Readonly<Record<string, object>> = {
  'kinlog-readers.json': dashboard('kinlog-readers', 'kinlog: readers', READERS, ['namespace', 'stream']),
  'kinlog-operator.json': dashboard('kinlog-operator', 'kinlog: operator', OPERATOR, []),
};

function dashboard(uid: string, title: string, panels: readonly Panel[], variables: readonly string[]): object {
  return {
    uid,
    title,
    tags: ['kinlog'],
    schemaVersion: 39,
    editable: true,
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus' }, ...variables.map(variable)] },
    panels: panels.map((one, index) => panel(one, index)),
  };
}

function variable(name: string): object {
  return {
    name,
    type: 'query',
    datasource: DATASOURCE,
    query: { query: `label_values(kinlog_stream_ready, ${name})`, refId: name },
    refresh: 2,
    multi: true,
    includeAll: true,
    current: { text: 'All', value: '$__all' },
  };
}

function panel({ title, description, unit, queries }: Panel, index: number): object {
  return {
    id: index + 1,
    type: 'timeseries',
    title,
    ...(description === undefined ? {} : { description }),
    datasource: DATASOURCE,
    gridPos: { x: (index % 2) * WIDTH, y: Math.floor(index / 2) * HEIGHT, w: WIDTH, h: HEIGHT },
    fieldConfig: { defaults: { unit }, overrides: [] },
    targets: Object.entries(queries).map(([expr, legendFormat], number) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + number),
      datasource: DATASOURCE,
      expr,
      legendFormat,
    })),
  };
}
