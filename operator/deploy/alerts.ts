/** Alerts for whoever is on call: of readers and of the operator. */

interface Alert {
  readonly name: string;
  readonly expression: string;
  readonly for?: string;
  readonly severity: 'critical' | 'warning';
  /** What it means, and what to do. */
  readonly summary: string;
}

/** Also what a new pod counts before it is asked for the first time: `increase` knows no time before the first sample. */
const counted = (counter: string, within: string): string =>
  `increase(${counter}[${within}]) > 0 or (${counter} unless ${counter} offset ${within}) > 0`;

const READERS: readonly Alert[] = [
  {
    name: 'KinlogBehind',
    expression: 'kinlog_behind_seconds > 3600',
    for: '15m',
    severity: 'critical',
    summary: 'Reading lies an hour behind; records that are not read within the retention of the stream are lost.',
  },
  {
    name: 'KinlogStreamNotRead',
    expression: 'kinlog_stream_ready == 0',
    for: '10m',
    severity: 'critical',
    summary: 'The stream is not read. kubectl get logstreams says why.',
  },
  {
    name: 'KinlogPositionsNotStored',
    expression: 'kinlog_store_ok == 0',
    for: '10m',
    severity: 'warning',
    summary: 'Positions are not stored; after a crash everything since then comes twice.',
  },
  {
    name: 'KinlogOutputStalled',
    expression: 'kinlog_output_ok == 0',
    for: '10m',
    severity: 'critical',
    summary: 'Splunk takes no events. None is lost as long as the stream retains its records.',
  },
  {
    name: 'KinlogOutputRefused',
    expression: counted('kinlog_output_refusals_total', '15m'),
    severity: 'warning',
    summary: 'Splunk refuses the token or an index.',
  },
  {
    name: 'KinlogDataLoss',
    expression: counted('kinlog_data_losses_total', '1h'),
    severity: 'critical',
    summary: 'Records aged out of the stream before they were read.',
  },
  {
    name: 'KinlogEventsRefused',
    expression: counted('kinlog_events_dead_lettered_total', '1h'),
    severity: 'warning',
    summary: 'Splunk will never take some events; they lie in the dead letters.',
  },
];

/** Every operator that is made with controller-runtime has metrics of these names. */
export const OURS = '{controller="logstream"}';
const passes = (ended: string): string => `sum(increase(controller_runtime_reconcile_${ended}_total${OURS}[15m]))`;

const OPERATOR: readonly Alert[] = [
  {
    name: 'KinlogLogStreamsNotReady',
    expression: 'max(kinlog_operator_logstreams{ready="False"}) > 0',
    for: '15m',
    severity: 'warning',
    summary: 'LogStreams are not ready. kubectl get logstreams -A says which and why.',
  },
  {
    name: 'KinlogLogStreamsStalled',
    // Also while the reader of an earlier spec runs, which keeps Ready True.
    expression: 'max by (namespace, reason) (kinlog_operator_logstreams_stalled) > 0',
    for: '15m',
    severity: 'warning',
    summary: 'Somebody must act before LogStreams can be brought about; what ran goes on. The reason says why.',
  },
  {
    name: 'KinlogOperatorWithoutLeader',
    expression: 'absent(leader_election_master_status{name="kinlog-operator"} == 1)',
    for: '5m',
    severity: 'warning',
    summary: 'No operator works: readers go on, but no change of a LogStream is carried out.',
  },
  {
    name: 'KinlogOperatorErrors',
    // A pass that fails again and again is tried every five minutes in the end; a conflict now and then, among many passes, is no fault.
    expression: `${passes('errors')} + ${passes('timeouts')} > 0.1 * sum(increase(controller_runtime_reconcile_total${OURS}[15m]))`,
    for: '30m',
    severity: 'warning',
    summary:
      'What the operator asks of the API server fails again and again. LogStreams with the reason ApiCallFailing say what.',
  },
  {
    name: 'KinlogOperatorFault',
    expression: `${passes('panics')} > 0`,
    severity: 'warning',
    summary: 'A fault of the operator itself. Its log says more at reconcile.crashed; please report it.',
  },
];

export interface AlertGroup {
  readonly name: string;
  readonly rules: readonly Readonly<Record<string, unknown>>[];
}

/** As Prometheus reads them. */
export const ALERT_GROUPS: readonly AlertGroup[] = [group('kinlog', READERS), group('kinlog-operator', OPERATOR)];

function group(name: string, alerts: readonly Alert[]): AlertGroup {
  const rules = alerts.map((alert) => ({
    alert: alert.name,
    expr: alert.expression,
    ...(alert.for === undefined ? {} : { for: alert.for }),
    labels: { severity: alert.severity },
    annotations: { summary: alert.summary },
  }));
  return { name, rules };
}
