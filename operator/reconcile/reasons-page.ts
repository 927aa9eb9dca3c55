/** docs/kubernetes/troubleshooting.md, rendered from the list of reasons. */
import { REASONS } from './reasons.ts';

const MINUTE_MS = 60_000;

export function reasonsPage(): string {
  const sections = Object.entries(REASONS).map(([name, reason]) => {
    const { meaning, remedy } = reason;
    const stalls = 'stallsAfterMs' in reason ? reason.stallsAfterMs : undefined;
    return `### ${name}\n\n${meaning}\n\n**What to do:** ${remedy}\n${stalls === undefined ? '' : `\n${patience(stalls)}\n`}`;
  });
  return `${HEAD}\n${sections.join('\n')}`;
}

function patience(ms: number): string {
  if (ms === 0) return 'Stalled at once. It is left by itself as soon as the cause is gone.';
  return `Reconciling for ${ms / MINUTE_MS} minutes, then Stalled. It is left by itself as soon as the cause is gone.`;
}

const HEAD = `# Troubleshooting by reason

\`kubectl get lst\` shows the reason of the condition \`Ready\`; the message, with the name of what is concerned and what to do, is in

\`\`\`sh
kubectl describe lst NAME
kubectl events --for=logstream/NAME
\`\`\`

| condition | True | False |
|---|---|---|
| \`Ready\` | the reader runs and its events flow, or it is paused as it was asked to be | they do not |
| \`Reconciling\` | something is under way, or may still pass by itself | nothing is |
| \`Stalled\` | somebody must act; \`kstatus\`, Flux and Helm call that failed | nobody must |
| \`ConfigValid\`, \`ReferencesResolved\` | the spec can be brought about; what it names is there | what ran is left as it is |
| \`ReaderAvailable\` | a pod of the reader is ready | none is |
| \`SourceReachable\`, \`OutputReachable\` | the reader meets nothing in its way | it does |
| \`CaughtUp\` | no shard is further behind than \`spec.monitoring.lagThresholdSeconds\` | one is |
| \`ReconciliationPaused\` | the operator keeps its hands off | it is not there |

While a new spec can not be brought about, \`Ready\` goes on speaking of the one whose reader runs: it stays True and its \`observedGeneration\` does not move, so that \`kubectl wait --for=condition=Ready\` waits for the new one, and \`Stalled\` or \`Reconciling\` says why.

What the reader tells (lag, errors, the last position) is asked for about once in \`--status-interval-seconds\` and written only when it makes a difference: \`status.lag\` is the largest of 0, 10 s, 1 min, 5 min, 15 min, 1 h, 6 h, 1 d that is passed, and is not there while nobody knows, \`status.checkpoint.lastCheckpointTime\` lags by up to half an hour while events flow and stands still while none arrive. The truth is in the reader's \`/metrics\`.

## When no reason says it

| what you see | look at |
|---|---|
| READY is empty | no operator has looked at it: is one running (\`kubectl get pods -A -l app.kubernetes.io/name=kinlog-operator\`), and does it look after this namespace (\`watchNamespaces\`)? Its log says what it waits for |
| a change has no effect | \`status.observedGeneration\` behind \`metadata.generation\`: as above. Equal, and \`ReconciliationPaused\`: the annotation \`kinlog.io/pause-reconcile\`. Else \`Stalled\` or \`Reconciling\` says why |
| \`Ready\`, and nothing in Splunk | does anything arrive in the stream? Reading begins at the tip unless \`startPosition\` says otherwise, and positions that are there win over it. \`kinlog_events_delivered_timestamp_seconds\` of the reader moves: look in the index of the token, over all time; it does not: \`kubectl logs deployment/NAME-reader\` |
| events come twice | a reader that was killed repeats what it had not stored, at most \`checkpoint.intervalSeconds\`. All the time: two LogStreams, or an input of the Splunk app, that read the stream with positions of their own |
| events are missing | \`kinlog_data_losses_total\`; the dead letters; whether they are in the stream: \`dumpstream\` |
| readers are \`Unheard\` | \`ReaderAvailable\` is False: none runs, and what was told three minutes ago counts no more. Else the operator can not reach port 9464 of their pods; reading is not affected |
| a deletion hangs | [a LogStream that does not go](uninstall.md#a-logstream-that-does-not-go) |
| the operator ends with status 100 | it has lost its Lease; the next one goes on: [operator.md](operator.md#leading-and-standing-by) |
| a code \`KINLOG_…\` in a message or a log | [errors.md](../errors.md) |

## Reasons
`;
