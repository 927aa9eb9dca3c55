/** A node's own object and its sign of life. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiFailure, unless, type NodeApi } from './api.ts';
import { now } from './types.ts';

const BEAT_MS = 1000;
const CAPACITY = { cpu: '1000', memory: '4Ti', pods: '10000', 'ephemeral-storage': '1Ti' };

const HOLLOW = 'kinlog.test/hollow';

interface Registered {
  readonly name: string;
  readonly hollow: boolean;
  /** Port at which it is asked for logs. */
  readonly logs: Promise<number>;
}

/** Until the signal ends it, whatever the server says. */
export async function heartbeat(api: NodeApi, node: Registered, signal: AbortSignal): Promise<void> {
  const { name } = node;
  let registered = false;
  for (let beat = 0; !signal.aborted; beat++) {
    try {
      if (!registered) await register(api, node);
      registered = true;
      await renew(api, name);
      if (beat % 5 === 0)
        await api.call('PATCH', `/api/v1/nodes/${name}/status`, { status: { conditions: [ready()] } });
    } catch (error) {
      // Somebody removed the Node: a kubelet comes again.
      if (error instanceof ApiFailure && error.status === 404) registered = false;
    }
    await sleep(BEAT_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function register(api: NodeApi, { name, hollow, logs }: Registered): Promise<void> {
  const labels = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' };
  const taints = hollow ? [{ key: HOLLOW, effect: 'NoSchedule' }] : [];
  await api.call('POST', '/api/v1/nodes', { metadata: { name, labels }, spec: { taints } }).catch(unless(409));
  await api.call('PATCH', `/api/v1/nodes/${name}/status`, {
    status: {
      capacity: CAPACITY,
      allocatable: CAPACITY,
      nodeInfo: { kubeletVersion: 'v1.36.4', operatingSystem: 'linux', architecture: 'amd64' },
      daemonEndpoints: { kubeletEndpoint: { Port: await logs } },
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      conditions: [{ ...ready(), lastTransitionTime: now() }],
    },
  });
}

const ready = () => ({
  type: 'Ready',
  status: 'True',
  reason: 'KubeletReady',
  message: 'runs processes',
  lastHeartbeatTime: now(),
});

async function renew(api: NodeApi, name: string): Promise<void> {
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
  const renewTime = new Date().toISOString().replace('Z', '000Z');
  const spec = { holderIdentity: name, leaseDurationSeconds: 5, renewTime };
  try {
    await api.call('PATCH', `${leases}/${name}`, { spec });
  } catch (error) {
    unless(404)(error);
    // Its namespace comes with the controller-manager.
    await api.call('POST', leases, { metadata: { name }, spec }).catch(unless(404, 409));
  }
}
