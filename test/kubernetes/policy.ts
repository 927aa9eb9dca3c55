/** A policy of the cluster that refuses every change of one kind in one namespace, as platform teams have them. */
import { until } from '../flow/cli-process.ts';
import type { ControlPlane } from './controlplane.ts';

const GROUP = '/apis/admissionregistration.k8s.io/v1';

export interface Refusing {
  readonly namespace: string;
  readonly group: string;
  readonly resource: string;
  /** What it says when it refuses. */
  readonly says: string;
}

export class Policy {
  readonly #plane: ControlPlane;
  readonly #what: Refusing;

  private constructor(plane: ControlPlane, what: Refusing) {
    this.#plane = plane;
    this.#what = what;
  }

  /** Settles once it is obeyed. */
  static async start(plane: ControlPlane, what: Refusing): Promise<Policy> {
    const { namespace, group, resource, says } = what;
    const name = `${resource}-${namespace}`;
    const rule = {
      apiGroups: [group],
      apiVersions: ['v1'],
      operations: ['CREATE', 'UPDATE'],
      resources: [resource],
    };
    await plane.call('POST', `${GROUP}/validatingadmissionpolicies`, {
      metadata: { name },
      spec: {
        matchConstraints: { resourceRules: [rule] },
        validations: [{ expression: 'false', message: says }],
      },
    });
    await plane.call('POST', `${GROUP}/validatingadmissionpolicybindings`, {
      metadata: { name },
      spec: {
        policyName: name,
        validationActions: ['Deny'],
        matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } },
      },
    });
    const policy = new Policy(plane, what);
    await policy.#isObeyed(true);
    return policy;
  }

  /** Settles once nothing is refused any more. */
  async end(): Promise<void> {
    const { namespace, resource } = this.#what;
    await this.#plane.call('DELETE', `${GROUP}/validatingadmissionpolicybindings/${resource}-${namespace}`);
    await this.#isObeyed(false);
  }

  async #isObeyed(wanted: boolean): Promise<void> {
    const { namespace, group, resource, says } = this.#what;
    const where = `${group === '' ? '/api/v1' : `/apis/${group}/v1`}/namespaces/${namespace}/${resource}`;
    await until(
      async () => {
        // Policies are asked before the rest of what is wrong about it.
        const answer = await this.#plane.call('POST', `${where}?dryRun=All`, PROBE).then(String, String);
        return answer.includes(says) === wanted;
      },
      `${says}: ${wanted ? 'obeyed' : 'over'}`,
    );
  }
}

const labels = { probe: 'probe' };
/** Whatever kind it is. */
export const PROBE = {
  metadata: { name: 'probe' },
  spec: {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'a' }] } },
    containers: [{ name: 'a', image: 'a' }],
  },
};
