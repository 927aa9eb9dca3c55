/** What the operator may do, and why: the only source of the shipped roles. Readers have no rights and no token. */
import { KINDS } from '../kube/kinds.ts';
import type { ResourceKind } from '../kube/object.ts';
import { GROUP, PLURAL } from '../logstream.ts';
import type { Tree } from './template.ts';

interface Right {
  readonly kind: ResourceKind;
  readonly subresource?: string;
  readonly verbs: readonly string[];
  readonly why: string;
}

const WATCH = ['get', 'list', 'watch'];
const APPLY = ['create', 'patch'];

const RIGHTS_BY_KIND: Readonly<Record<Exclude<keyof typeof KINDS, 'lease'>, Omit<Right, 'kind'>>> = {
  logStream: { verbs: [...WATCH, 'patch'], why: 'what is wanted; the finalizer of deletionPolicy Delete' },
  serviceAccount: { verbs: [...WATCH, ...APPLY, 'delete'], why: 'the identity of a reader towards AWS' },
  configMap: {
    verbs: [...WATCH, ...APPLY, 'delete'],
    why: 'the configuration of a reader; authorities that it refers to',
  },
  secret: {
    verbs: WATCH,
    why: 'whether a reference exists, and that it changed: metadata is watched, contents are asked for by name only',
  },
  volumeClaim: {
    verbs: [...WATCH, ...APPLY],
    why: 'positions and dead letters on a volume; never deleted by the operator',
  },
  pod: {
    verbs: [...WATCH, 'create'],
    why: 'why a reader does not start, and where its status is asked for; create as a dry run only: whether a changed pod is let in, before the reader that runs is ended for it',
  },
  deployment: { verbs: [...WATCH, ...APPLY, 'delete'], why: 'the reader' },
  job: { verbs: [...WATCH, ...APPLY, 'delete'], why: 'positions reset or deleted on request' },
  podDisruptionBudget: { verbs: [...WATCH, ...APPLY, 'delete'], why: 'spec.podDisruptionBudget' },
  podMonitor: {
    verbs: [...WATCH, ...APPLY, 'delete'],
    why: 'spec.monitoring.podMonitor, where the cluster knows the kind',
  },
  event: { verbs: APPLY, why: 'what is told with kubectl describe' },
};

/** In each namespace that is watched. */
const WATCHED: readonly Right[] = [
  ...Object.entries(RIGHTS_BY_KIND).map(([name, right]) => ({ kind: KINDS[name as keyof typeof KINDS], ...right })),
  { kind: KINDS.logStream, subresource: 'status', verbs: ['patch'], why: 'conditions and facts' },
  {
    kind: KINDS.logStream,
    subresource: 'finalizers',
    verbs: ['update'],
    why: 'owner references that block deletion, where the cluster checks them (OpenShift does)',
  },
];

/** In the operator's own namespace. */
const OWN: readonly Right[] = [
  { kind: KINDS.lease, verbs: ['get', 'create', 'update'], why: 'leader election' },
  { kind: KINDS.event, verbs: APPLY, why: 'what is told of leader election' },
];

/** Rules of a role for each namespace that is watched. `secrets`: verbs, when not all. */
export const watchedRules = (secrets?: Tree[string]): readonly Tree[] =>
  WATCHED.map((right) => rule(right, right.kind === KINDS.secret ? secrets : undefined));

export const ownRules = (): readonly Tree[] => OWN.map((right) => rule(right));

function rule({ kind, subresource, verbs }: Right, instead?: Tree[string]): Tree {
  return {
    apiGroups: [groupOf(kind)],
    resources: [subresource === undefined ? kind.plural : `${kind.plural}/${subresource}`],
    verbs: instead ?? verbs,
  };
}

const groupOf = ({ apiVersion }: ResourceKind): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';

/** Rows for a person: group/resource, verbs, why, where. */
export function rightsTable(): readonly (readonly string[])[] {
  const rows = (rights: readonly Right[], where: string) =>
    rights.map(({ kind, subresource, verbs, why }) => {
      const name = [kind.plural, subresource].filter((part) => part !== undefined).join('/');
      return [[name, groupOf(kind)].filter((part) => part !== '').join('.'), verbs.join(', '), where, why];
    });
  return [...rows(WATCHED, 'watched namespaces'), ...rows(OWN, 'its own namespace')];
}

/** What people who may view, or edit, a namespace may do with LogStreams in it. */
export const PEOPLE = {
  view: [{ apiGroups: [GROUP], resources: [PLURAL, `${PLURAL}/status`], verbs: ['get', 'list', 'watch'] }],
  edit: [
    {
      apiGroups: [GROUP],
      resources: [PLURAL, `${PLURAL}/scale`],
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    },
  ],
} as const;
