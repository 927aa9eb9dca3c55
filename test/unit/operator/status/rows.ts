/** The situations of a LogStream and what its conditions say in each. */
import type { Facts, Problem } from '../../../../operator/reconcile/facts.ts';
import { MINUTE_MS, notReady, pod, reader, START_MS, waitingFor, workload } from './known.ts';

export const NEVER_BEGUN = { workload: undefined, reader: undefined };
const STARTING = { workload: notReady({ startedAt: undefined }), reader: undefined };
export const PAUSED = {
  paused: true,
  workload: workload({ replicas: 0, readyReplicas: 0, updatedReplicas: 0, pods: [] }),
  reader: undefined,
};
export const problem = (reason: string): Problem => ({ reason, message: `${reason}: mend it.` });
export const refused = (
  part: 'source' | 'output' | 'store' | 'reader',
  code: string,
  since = START_MS,
): Partial<Facts> => ({
  workload: notReady(),
  reader: reader({
    ready: false,
    errors: [{ part, code, message: 'it says no', remedy: 'Let it say yes.', since: new Date(since).toISOString() }],
  }),
});

export interface Row {
  readonly name: string;
  readonly known: Partial<Facts>;
  /** Of Ready, Reconciling, Stalled, and the reason. */
  readonly row: string;
  readonly kstatus: 'InProgress' | 'Failed' | 'Current';
  /** So long after it was first known. */
  readonly afterMs?: number;
  /** The reader ran before. */
  readonly ran?: boolean;
}

export const ROWS: readonly Row[] = [
  {
    name: 'first seen',
    known: { firstSeen: true, ...NEVER_BEGUN },
    row: 'Unknown True False Initializing',
    kstatus: 'InProgress',
  },
  { name: 'not begun', known: NEVER_BEGUN, row: 'False True False Progressing', kstatus: 'InProgress' },
  { name: 'starting', known: STARTING, row: 'False True False Progressing', kstatus: 'InProgress' },
  {
    name: 'the Deployment is behind',
    known: { workload: workload({ current: false }) },
    ran: true,
    row: 'False True False Progressing',
    kstatus: 'InProgress',
  },
  {
    name: 'an old pod is still there',
    known: { workload: workload({ replicas: 2 }) },
    ran: true,
    row: 'False True False Progressing',
    kstatus: 'InProgress',
  },
  { name: 'running', known: {}, row: 'True False False Running', kstatus: 'Current' },
  { name: 'pausing', known: { paused: true }, ran: true, row: 'False True False Progressing', kstatus: 'InProgress' },
  { name: 'paused', known: PAUSED, ran: true, row: 'True False False Paused', kstatus: 'Current' },
  {
    name: 'paused, and a reset is not done',
    known: { ...PAUSED, resetPending: true },
    row: 'False True False Resetting',
    kstatus: 'InProgress',
  },
  {
    name: 'a Secret is missing while the reader runs',
    known: { referenceProblems: [problem('SecretNotFound')] },
    ran: true,
    row: 'True True False SecretNotFound',
    kstatus: 'InProgress',
  },
  {
    name: 'and two minutes later',
    known: { referenceProblems: [problem('SecretNotFound')] },
    ran: true,
    afterMs: 2 * MINUTE_MS,
    row: 'True False True SecretNotFound',
    kstatus: 'Failed',
  },
  {
    name: 'a Secret is missing from the start',
    known: { ...NEVER_BEGUN, referenceProblems: [problem('SecretNotFound')] },
    row: 'False True False SecretNotFound',
    kstatus: 'InProgress',
  },
  {
    name: 'and two minutes later',
    known: { ...NEVER_BEGUN, referenceProblems: [problem('SecretNotFound')] },
    afterMs: 2 * MINUTE_MS,
    row: 'False False True SecretNotFound',
    kstatus: 'Failed',
  },
  {
    name: 'the configuration is wrong',
    known: { configProblems: [problem('InvalidConfig')] },
    ran: true,
    row: 'True False True InvalidConfig',
    kstatus: 'Failed',
  },
  ...['InvalidPodTemplate', 'CRDOutdated', 'NameConflict', 'QuotaExceeded', 'RBACDenied'].flatMap((reason): Row[] => [
    {
      name: `${reason} while the reader runs`,
      known: { applyProblem: problem(reason) },
      ran: true,
      row: `True False True ${reason}`,
      kstatus: 'Failed',
    },
    {
      name: `${reason} from the start`,
      known: { ...NEVER_BEGUN, applyProblem: problem(reason) },
      row: `False False True ${reason}`,
      kstatus: 'Failed',
    },
  ]),
  {
    name: 'pod security',
    known: { workload: notReady({}, { pods: [], podsRefused: 'violates PodSecurity "restricted:latest"' }) },
    row: 'False False True PodsForbidden',
    kstatus: 'Failed',
  },
  {
    name: 'a quota on pods',
    known: { workload: notReady({}, { pods: [], podsRefused: 'exceeded quota: few' }) },
    row: 'False False True QuotaExceeded',
    kstatus: 'Failed',
  },
  {
    name: 'the image can not be pulled',
    known: { workload: waitingFor('ImagePullBackOff') },
    row: 'False True False ImagePullFailed',
    kstatus: 'InProgress',
  },
  {
    name: 'and five minutes later',
    known: { workload: waitingFor('ImagePullBackOff') },
    afterMs: 5 * MINUTE_MS,
    row: 'False False True ImagePullFailed',
    kstatus: 'Failed',
  },
  {
    name: 'a crash loop',
    known: { workload: waitingFor('CrashLoopBackOff') },
    row: 'False True False ReaderCrashLooping',
    kstatus: 'InProgress',
  },
  {
    name: 'and five minutes later',
    known: { workload: waitingFor('CrashLoopBackOff') },
    afterMs: 5 * MINUTE_MS,
    row: 'False False True ReaderCrashLooping',
    kstatus: 'Failed',
  },
  {
    name: 'a crash loop with many restarts',
    known: { workload: waitingFor('CrashLoopBackOff', { restarts: 5 }) },
    row: 'False False True ReaderCrashLooping',
    kstatus: 'Failed',
  },
  {
    name: 'no node',
    known: { workload: notReady({ startedAt: undefined, unschedulable: '0/3 nodes' }) },
    row: 'False True False ReaderUnschedulable',
    kstatus: 'InProgress',
  },
  {
    name: 'the progress deadline',
    known: { workload: notReady({ startedAt: undefined }, { progressDeadlineExceeded: true }) },
    row: 'False False True ProgressDeadlineExceeded',
    kstatus: 'Failed',
  },
  {
    name: 'not ready, nobody knows why',
    known: { workload: notReady(), reader: undefined },
    ran: true,
    row: 'False True False Progressing',
    kstatus: 'InProgress',
  },
  {
    name: 'and five minutes later',
    known: { workload: notReady(), reader: undefined },
    ran: true,
    afterMs: 5 * MINUTE_MS,
    row: 'False False True ReaderNotReady',
    kstatus: 'Failed',
  },
  {
    name: 'an old pod hangs on a lost node',
    known: {
      workload: workload({
        replicas: 0,
        updatedReplicas: 0,
        readyReplicas: 0,
        pods: [pod({ terminating: { sinceMs: START_MS, graceMs: 60_000 } })],
      }),
    },
    ran: true,
    afterMs: 2 * MINUTE_MS,
    row: 'False False True PodStuckTerminating',
    kstatus: 'Failed',
  },
  {
    name: 'and before it is overdue',
    known: {
      workload: workload({
        replicas: 0,
        updatedReplicas: 0,
        readyReplicas: 0,
        pods: [pod({ terminating: { sinceMs: START_MS, graceMs: 60_000 } })],
      }),
    },
    ran: true,
    afterMs: MINUTE_MS,
    row: 'False True False Progressing',
    kstatus: 'InProgress',
  },
  {
    name: 'AWS refuses the credentials',
    known: refused('source', 'KINLOG_CREDENTIALS_REFUSED'),
    ran: true,
    row: 'False False True SourceAccessDenied',
    kstatus: 'Failed',
  },
  {
    name: 'HEC refuses the token',
    known: refused('output', 'KINLOG_SPLUNK_REFUSED'),
    ran: true,
    row: 'False False True OutputRejected',
    kstatus: 'Failed',
  },
  {
    name: 'the table is of someone else',
    known: refused('store', 'KINLOG_CHECKPOINT_FOREIGN'),
    ran: true,
    row: 'False False True CheckpointUnusable',
    kstatus: 'Failed',
  },
  {
    name: 'the reader says that nothing flows though its pod still counts as ready',
    known: { ...refused('output', 'KINLOG_SPLUNK_REFUSED'), workload: workload() },
    ran: true,
    row: 'False False True OutputRejected',
    kstatus: 'Failed',
  },
  {
    name: 'HEC is away',
    known: refused('output', 'KINLOG_SERVICE_UNAVAILABLE'),
    ran: true,
    row: 'False True False OutputUnreachable',
    kstatus: 'InProgress',
  },
  {
    name: 'and five minutes later',
    known: refused('output', 'KINLOG_SERVICE_UNAVAILABLE'),
    ran: true,
    afterMs: 5 * MINUTE_MS,
    row: 'False False True OutputUnreachable',
    kstatus: 'Failed',
  },
  {
    name: 'an error of a newer reader',
    known: refused('source', 'KINLOG_OF_TOMORROW'),
    ran: true,
    row: 'False False True ReaderFailed',
    kstatus: 'Failed',
  },
  {
    name: 'it is far behind',
    known: { reader: reader({ behindMs: 3_600_000 }) },
    ran: true,
    row: 'True False False Running',
    kstatus: 'Current',
  },
];
