/** docs/kubernetes/operator.md: the program's options from their table, and what it does as a process. */
import { kebab } from '../base/config.ts';
import type { CliOption } from '../cli/options.ts';
import { OPERATOR_SPEC } from './options.ts';

export function optionsPage(): string {
  const rows = Object.entries<CliOption<unknown>>(OPERATOR_SPEC.table).map(([name, option]) => {
    const { text, type, required } = option;
    const env = option.env?.map((key) => `\`$${key}\``).join(', ') ?? '';
    const standard = required === true ? 'required' : option.default === undefined ? '' : `\`${option.default}\``;
    return `| \`--${kebab(name)}\` | ${env} | ${type.expects} | ${standard} | ${text} |`;
  });
  return `${ABOVE}
| option | environment | value | default | what it does |
|---|---|---|---|---|
${rows.join('\n')}

${BELOW}`;
}

const ABOVE = `# The operator as a program

\`kinlog-operator\` runs as a Deployment, one process that leads and any number that stand by. What it is told comes from its command line and its environment; all faults are named at once, and the process ends with 1. How it is installed, and which of these the Helm chart sets: [install](install.md).
`;

const BELOW = `Without \`--kubeconfig\` and \`$KUBECONFIG\` it takes the service account of its pod; the token is read again as it is renewed.

Two operators in one namespace are candidates for the same Lease, \`kinlog-operator\`. Operators that look after different namespaces of one cluster stand in namespaces of their own.

## Leading and standing by

A process leads while it holds the Lease: 15 s, renewed every two seconds, given up after 10 s without a renewal. All of that is judged by the process's own clock, which never jumps; the times in the Lease are for people. A process that stands by watches the cluster too, so it acts at once when it leads: within 2 s of the leader's SIGTERM, within 17 s of its sudden end.

A leader that could not renew ends with status 100 and writes nothing any more: each write asks first whether the process still leads. That holds for one that was frozen and goes on, too. A Lease that somebody deletes is made anew by its leader; the others leave it alone for as long as they would have waited.

Readers need no operator: they go on reading while none runs.

## Probes, metrics, logs

| where | what |
|---|---|
| \`/healthz\` on 8081 | 200 while the process turns and no LogStream has been worked on for more than four minutes |
| \`/readyz\` on 8081 | 200 once everything is listed, whether it leads or stands by; 503 until then, saying what is missing, and after a minute without an answer of the API server |
| \`/metrics\` on 8080 | for Prometheus: \`controller_runtime_reconcile_*\`, \`workqueue_*\`, \`rest_client_*\` and \`leader_election_master_status\` as operators made with controller-runtime name them, and \`kinlog_operator_*\` |

Own metrics: \`kinlog_operator_logstreams\` by the status of the condition Ready; \`kinlog_operator_logstreams_stalled\` by the reason of the condition Stalled; \`kinlog_operator_reflector_lists_total\`, \`_watches_total\`, \`_expired_total\` and \`_failures_total\` by kind; \`kinlog_operator_events_dropped_total\`; \`kinlog_operator_build_info\`.

A log line is a JSON object on stderr: \`time\`, \`level\`, \`event\`, \`message\` and the fields of the event; [events](../events.md) lists them all. Events of Kubernetes that say the same again are counted, ten that differ little become one, and an object with more than 25 gets one more every five minutes.

## When something fails

| the API server says | the operator does |
|---|---|
| nothing, 429, 5xx, 404 for a path | tries again, from 5 ms to 5 min apart, ten a second for all LogStreams together, and not before the time that was asked for (five minutes at most) |
| conflict, somebody was faster | the same |
| forbidden | tries again after 10 s, for a server that has just started refuses everybody; then an Event \`RBACDenied\`, and again every five minutes and at the next change |
| invalid, too large, over a quota, a field that its CRD lacks | names it in the status; tries again every five minutes and at the next change |
| the namespace ends | nothing |

Watches that break go on where they ended, after 0.8 s and then up to a minute; once any request is answered again, such as the renewal of the Lease, within two seconds.

A fault of the operator itself in one LogStream is logged as \`reconcile.crashed\` and kept from the others; when it lasts, the LogStream says \`OperatorFault\`.

## Stopping

On SIGTERM and SIGINT it takes up nothing new, finishes what is under way for at most 8 s, writes its last Events, gives the Lease back and ends with 0, within 15 s in all. A second signal ends it at once.
`;
