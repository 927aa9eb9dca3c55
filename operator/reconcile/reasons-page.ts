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

What the reader tells (lag, errors, the last position) is asked for about once in \`--status-interval-seconds\` and written only when it makes a difference: \`status.lag\` is the largest of 0, 10 s, 1 min, 5 min, 15 min, 1 h, 6 h, 1 d that is passed, \`status.checkpoint.lastCheckpointTime\` lags by up to half an hour while events flow and stands still while none arrive. The truth is in the reader's \`/metrics\`.

## Reasons
`;
