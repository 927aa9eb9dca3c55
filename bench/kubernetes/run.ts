/** One size, from the first `kubectl apply` to the last deletion, with the operator as it is shipped. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditedWrite } from '../../test/kubernetes/audit-follow.ts';
import { Crowd } from '../../test/kubernetes/crowd.ts';
import { statusMiB, type ShippedOperator } from '../../test/kubernetes/shipped-operator.ts';
import type { Program } from '../../test/kubernetes/controlplane.ts';
import { quantile, type Figure } from './figures.ts';
import { bucketsOf, boundOf } from './histogram.ts';

/** One in a thousand of these is a limit that says that something hangs, not that it is slow. */
const LIMIT_MS = 20 * 60_000;
const CHANGES = 50;
const CHANGE_EVERY_MS = 200;
const TOUCHED = 200;
const RECONCILE = 'controller_runtime_reconcile_time_seconds';
const PROGRAMS: readonly Program[] = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd'];

export interface RunOptions {
  readonly count: number;
  readonly idleSeconds: number;
  /** A folder for a CPU profile of each operator. */
  readonly profile: string | undefined;
  readonly say: (text: string) => void;
}

export async function run(options: RunOptions): Promise<Figure[]> {
  const crowd = await Crowd.start();
  try {
    return await new Run(crowd, options).all();
  } finally {
    await crowd.stop();
  }
}

class Run {
  readonly #crowd: Crowd;
  readonly #options: RunOptions;
  readonly #figures: Figure[] = [];

  constructor(crowd: Crowd, options: RunOptions) {
    this.#crowd = crowd;
    this.#options = options;
  }

  async all(): Promise<Figure[]> {
    const first = await this.#operator();
    await this.#create(first);
    await this.#idle(first);
    const second = await this.#restart(first);
    await this.#lookInVain(second);
    await this.#change(second);
    await this.#changeLittle(second);
    await this.#delete(second);
    await second.stop();
    return this.#figures;
  }

  async #operator(): Promise<ShippedOperator> {
    const { profile } = this.#options;
    const nodeArgs = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile];
    return this.#crowd.operator({ nodeArgs });
  }

  async #create(operator: ShippedOperator): Promise<void> {
    const crowd = this.#crowd;
    const { count, say } = this.#options;
    const [bare, begun] = [operator.memory.now, performance.now()];
    say(`creating ${count}`);
    const following = setInterval(() => crowd.follow(), 1000);
    await crowd.createAll(count).finally(() => clearInterval(following));
    const created = performance.now();
    say('waiting for Ready');
    await crowd.allReady(operator, count, LIMIT_MS);
    const ready = performance.now();
    await crowd.quiet(operator, LIMIT_MS);
    this.#add('created', seconds(begun, created));
    this.#add('last create to all Ready', { ...seconds(created, ready), ...goalOf(count, { 1000: 90, 5000: 480 }) });
    this.#writes('writes of the operator per create', { of: crowd.operatorWrites, by: count, goal: 5 });
    this.#add('CPU of the operator until then', { unit: 's', value: operator.cpuSeconds, digits: 1 });
    this.#memory(operator, 'peak', { 1000: 256, 5000: 512 });
    this.#add('  before the first LogStream', { unit: 'MiB', value: bare, digits: 0 });
    const planes = PROGRAMS.map((program) => `${program} ${statusMiB(crowd.plane.pid(program), 'VmRSS').toFixed(0)}`);
    const value = PROGRAMS.reduce((sum, program) => sum + statusMiB(crowd.plane.pid(program), 'VmRSS'), 0);
    this.#add('memory of the control plane', { unit: 'MiB', value, digits: 0, note: planes.join(', ') });
  }

  async #idle(operator: ShippedOperator): Promise<void> {
    const { idleSeconds, say } = this.#options;
    say(`idle for ${idleSeconds} s`);
    const [written, cpu] = [this.#crowd.operatorWrites.length, operator.cpuSeconds];
    const asked = this.#crowd.node.asked;
    await sleep(idleSeconds * 1000);
    this.#crowd.follow();
    const value = this.#crowd.operatorWrites.length - written;
    this.#add(`writes in ${idleSeconds} s of idleness`, { unit: '', value, digits: 0, goal: 0 });
    const share = (100 * (operator.cpuSeconds - cpu)) / idleSeconds;
    const note = `readers were asked ${this.#crowd.node.asked - asked} times`;
    this.#add('CPU meanwhile', { unit: '%', value: share, digits: 2, goal: 1, note });
  }

  async #restart(first: ShippedOperator): Promise<ShippedOperator> {
    const crowd = this.#crowd;
    const { count, say } = this.#options;
    say('restart');
    const written = crowd.operatorWrites.length;
    const status = await first.stop();
    if (status !== 0) throw new Error(`the operator ended with ${status}; it said:\n${first.log}`);
    const second = await this.#operator();
    const isThrough = async () =>
      (await second.metric('controller_runtime_reconcile_total')) >= count &&
      (await second.metric('workqueue_depth')) === 0;
    await crowd.until(isThrough, 'every LogStream looked at', LIMIT_MS);
    const done = performance.now();
    await crowd.quiet(second, LIMIT_MS);
    this.#add('restart: until every LogStream was looked at', {
      ...seconds(second.startedMs, done),
      note: `everything was known after ${(second.syncedMs / 1000).toFixed(1)} s`,
    });
    const value = crowd.operatorWrites.length - written;
    this.#add('restart: writes', { unit: '', value, digits: 0, goal: 0 });
    this.#memory(second, 'after the restart');
    return second;
  }

  /** Somebody notes something on pods that does not concern the operator. */
  async #lookInVain(operator: ShippedOperator): Promise<void> {
    const crowd = this.#crowd;
    const before = bucketsOf(await operator.scrape(), RECONCILE);
    const written = crowd.operatorWrites.length;
    const pods = (await crowd.list('pod')).slice(0, TOUCHED);
    for (const { metadata } of pods) await crowd.note('pod', metadata.name, 'seen');
    await crowd.quiet(operator, LIMIT_MS);
    const p99 = boundOf(0.99, bucketsOf(await operator.scrape(), RECONCILE), before) * 1000;
    const note = `${crowd.operatorWrites.length - written} writes in ${pods.length} passes`;
    this.#add('pass that finds nothing to do, p99 at most', { unit: 'ms', value: p99, digits: 0, goal: 5, note });
  }

  async #change(operator: ShippedOperator): Promise<void> {
    const crowd = this.#crowd;
    const changes = Math.min(CHANGES, this.#options.count);
    this.#options.say(`${changes} changes`);
    const [written, specs] = [crowd.operatorWrites.length, crowd.specWrites.length];
    for (let n = 0; n < changes; n++) {
      await crowd.patch(n, { source: { polling: { idleMilliseconds: 2345 } } });
      await sleep(CHANGE_EVERY_MS);
    }
    await crowd.allReady(operator, this.#options.count, LIMIT_MS);
    await crowd.quiet(operator, LIMIT_MS);
    const audited = crowd.operatorWrites.slice(written);
    const writes = audited.filter(({ dryRun }) => !dryRun);
    const took = crowd.specWrites.slice(specs).map(({ name, answeredMs }) => {
      const patched = writes.find((write) => write.resource === 'deployments' && write.name === `${name}-reader`);
      return (patched?.answeredMs ?? NaN) - answeredMs;
    });
    const note = `p50 ${quantile(took, 0.5).toFixed(0)} ms`;
    this.#add('spec change to patched Deployment, p95', {
      unit: 'ms',
      value: quantile(took, 0.95),
      digits: 0,
      goal: 1000,
      note,
    });
    this.#writes('writes per spec change that needs a new pod', { of: writes, by: changes, goal: 2 });
    this.#writes('  dry runs beside them', { of: audited.filter(({ dryRun }) => dryRun), by: changes });
  }

  async #changeLittle(operator: ShippedOperator): Promise<void> {
    const crowd = this.#crowd;
    const changes = Math.min(CHANGES, this.#options.count);
    const written = crowd.operatorWrites.length;
    for (let n = 0; n < changes; n++) await crowd.patch(n, { monitoring: { lagThresholdSeconds: 400 } });
    await crowd.quiet(operator, LIMIT_MS);
    const of = crowd.operatorWrites.slice(written);
    this.#writes('writes per spec change that needs no new pod', { of, by: changes, goal: 2 });
  }

  async #delete(operator: ShippedOperator): Promise<void> {
    const crowd = this.#crowd;
    const { count, say } = this.#options;
    say('deleting');
    const begun = performance.now();
    await crowd.deleteAll(count);
    const asked = performance.now();
    const left = () => crowd.list('pod');
    await crowd.until(async () => (await left()).length === 0, 'every reader gone', LIMIT_MS);
    this.#add('deleted', seconds(begun, asked));
    this.#add('last deletion to the last reader gone', seconds(asked, performance.now()));
    await crowd.quiet(operator, LIMIT_MS);
    this.#memory(operator, 'after the deletion');
  }

  #writes(title: string, { of, by, goal }: { of: readonly AuditedWrite[]; by: number; goal?: number }): void {
    const counts = new Map<string, number>();
    for (const { resource } of of) counts.set(resource, (counts.get(resource) ?? 0) + 1);
    const note = [...counts].map(([resource, count]) => `${resource} ${(count / by).toFixed(2)}`).join(', ');
    this.#add(title, { unit: '', value: of.length / by, digits: 2, note, ...(goal === undefined ? {} : { goal }) });
  }

  #memory(operator: ShippedOperator, when: string, goals: Readonly<Record<number, number>> = {}): void {
    const { now, peak } = operator.memory;
    const note = `now ${now.toFixed(0)}`;
    const goal = goalOf(this.#options.count, goals);
    this.#add(`memory of the operator, ${when}`, { unit: 'MiB', value: peak, digits: 0, note, ...goal });
  }

  #add(title: string, figure: Omit<Figure, 'title'>): void {
    this.#figures.push({ title, ...figure });
  }
}

const seconds = (fromMs: number, toMs: number): Pick<Figure, 'unit' | 'value' | 'digits'> => ({
  unit: 's',
  value: (toMs - fromMs) / 1000,
  digits: 1,
});

/** Goals are set for sizes. */
function goalOf(count: number, goals: Readonly<Record<number, number>>): { readonly goal?: number } {
  const goal = goals[count];
  return goal === undefined ? {} : { goal };
}
