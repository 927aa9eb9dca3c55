/** The operator as a process beside the control plane, with a service account of its own, so that the audit log tells whose a write is. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { until } from '../flow/cli-process.ts';
import type { ControlPlane } from './controlplane.ts';

const MAIN = fileURLToPath(new URL('../../operator/main.ts', import.meta.url));
export const SYSTEM = 'kinlog-system';

export interface OperatorLine {
  readonly event: string;
  /** Since the process that runs the test began, milliseconds. */
  readonly atMs: number;
  readonly [field: string]: unknown;
}

export interface Write {
  readonly verb: string;
  readonly resource: string;
  readonly name: string;
  readonly atMs: number;
}

/** The resource and the shipped roles, but no operator. */
export function install(plane: ControlPlane): void {
  const kinds = ['Namespace', 'CustomResourceDefinition', 'ClusterRole', 'Role'];
  const objects = installed().filter(({ kind }) => kinds.includes(kind));
  // Several at once: namespaces before what is in them.
  plane.kubectl(['apply', '--server-side', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  plane.kubectl(['wait', '--for=condition=Established', 'crd/logstreams.kinlog.io', '--timeout=30s']);
}

function installed(): Installed[] {
  const text = readFileSync(new URL('../../operator/deploy/install.yaml', import.meta.url), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as Installed);
}

interface Installed {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

/** A service account with the rights of the shipped one, its Lease in `namespace`; answers its kubeconfig. */
function account(plane: ControlPlane, name: string, namespace: string): string {
  const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1' };
  const subjects = [{ kind: 'ServiceAccount', name, namespace: SYSTEM }];
  const apiGroup = 'rbac.authorization.k8s.io';
  const leader = installed().find(({ kind }) => kind === 'Role')!;
  const objects = [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: SYSTEM } },
    { ...leader, metadata: { name: leader.metadata.name, namespace } },
    {
      ...rbac,
      kind: 'RoleBinding',
      metadata: { name, namespace },
      subjects,
      roleRef: { apiGroup, kind: 'Role', name: leader.metadata.name },
    },
    {
      ...rbac,
      kind: 'ClusterRoleBinding',
      metadata: { name: `test-${name}` },
      subjects,
      roleRef: { apiGroup, kind: 'ClusterRole', name: 'kinlog-operator' },
    },
  ];
  plane.kubectl(['apply', '--server-side', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  return plane.kubeconfigFor(name, plane.kubectl(['-n', SYSTEM, 'create', 'token', name]).trim());
}

/** What this account wrote or tried to write, in the order of the audit log. */
export function writesOf(plane: ControlPlane, name: string): Write[] {
  return readFileSync(plane.auditLog, 'utf8')
    .split('\n')
    .filter((line) => line.includes(`"system:serviceaccount:${SYSTEM}:${name}"`))
    .map((line) => JSON.parse(line) as AuditLine)
    .filter(({ verb, stage }) => stage === 'ResponseComplete' && !['get', 'list', 'watch'].includes(verb))
    .map(({ verb, objectRef, requestReceivedTimestamp }) => ({
      verb,
      resource: objectRef?.resource ?? '',
      name: objectRef?.name ?? '',
      atMs: Date.parse(requestReceivedTimestamp),
    }));
}

interface AuditLine {
  readonly verb: string;
  readonly stage: string;
  readonly objectRef?: { readonly resource: string; readonly name?: string };
  readonly requestReceivedTimestamp: string;
}

export class OperatorProcess {
  readonly lines: OperatorLine[] = [];
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }>;
  exited = false;
  /** What it said that is no line of its log. */
  other = '';

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    createInterface({ input: child.stderr! }).on('line', (line) => this.#heard(line));
    this.#ended = once(child, 'exit').then(([status, signal]) => {
      this.exited = true;
      return { status: status as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  /** `name`: of the account, and of the operator in the Lease. `namespace`: of the Lease. */
  static start(plane: ControlPlane, name: string, namespace = SYSTEM): OperatorProcess {
    const told = [
      ...['--kubeconfig', account(plane, name, namespace), '--identity', name, '--namespace', namespace],
      ...['--metrics-listen', '127.0.0.1:0', '--probes-listen', '127.0.0.1:0', '--reader-image', 'kinlog'],
      ...['--log-level', 'debug'],
    ];
    // It dies with the test, even by SIGKILL.
    const command = ['--pdeathsig', 'KILL', '--', process.execPath, MAIN, ...told];
    const { KUBECONFIG: _kubeconfig, ...env } = process.env;
    return new OperatorProcess(
      name,
      spawn('setpriv', command, { stdio: ['ignore', 'ignore', 'pipe'], env, cwd: path.dirname(MAIN) }),
    );
  }

  #heard(line: string): void {
    try {
      this.lines.push({ ...(JSON.parse(line) as OperatorLine), atMs: performance.now() });
    } catch {
      this.other += `${line}\n`;
    }
  }

  said(event: string): OperatorLine | undefined {
    return this.lines.findLast((line) => line.event === event);
  }

  async until(event: string): Promise<OperatorLine> {
    await until(() => this.said(event) !== undefined, `${this.name} says ${event}; it said:\n${this.text}`);
    return this.said(event)!;
  }

  get text(): string {
    return `${this.other}${this.lines.map((line) => JSON.stringify(line)).join('\n')}`;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  get ended(): Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }> {
    return this.#ended;
  }

  async kill(): Promise<void> {
    if (this.exited) return;
    this.signal('SIGCONT');
    this.signal('SIGKILL');
    await this.#ended;
  }
}
