/** A webhook behind a firewall: whoever asks it is connected and gets no answer. Nobody insists on one (failurePolicy Ignore). */
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { until } from '../flow/cli-process.ts';
import type { ControlPlane } from './controlplane.ts';
import { PROBE } from './policy.ts';

const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
/** That of whoever does not say: https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#timeouts */
const TIMEOUT_SECONDS = 10;

export class SilentWebhook {
  readonly #plane: ControlPlane;
  readonly #name: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** How often it was asked. */
  asked = 0;

  private constructor(plane: ControlPlane, name: string) {
    this.#plane = plane;
    this.#name = name;
    this.#server = createServer((socket) => {
      this.asked++;
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    });
  }

  /** About every Deployment that is written in the namespace; settles once the API server asks it. */
  static async start(plane: ControlPlane, namespace: string): Promise<SilentWebhook> {
    const webhook = new SilentWebhook(plane, `silent-${namespace}`);
    webhook.#server.listen(0, '127.0.0.1');
    await once(webhook.#server, 'listening');
    const { port } = webhook.#server.address() as AddressInfo;
    const rule = { apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'] };
    await plane.call('POST', CONFIGURATIONS, {
      metadata: { name: webhook.#name },
      webhooks: [
        {
          name: 'silent.kinlog.test',
          clientConfig: { url: `https://127.0.0.1:${port}/` },
          rules: [{ ...rule, operations: ['CREATE', 'UPDATE'] }],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          failurePolicy: 'Ignore',
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          timeoutSeconds: TIMEOUT_SECONDS,
        },
      ],
    });
    const where = `/apis/apps/v1/namespaces/${namespace}/deployments?dryRun=All`;
    await until(async () => {
      await plane.call('POST', where, PROBE);
      return webhook.asked > 0;
    }, 'a webhook that is asked');
    return webhook;
  }

  async stop(): Promise<void> {
    await this.#plane.call('DELETE', `${CONFIGURATIONS}/${this.#name}`);
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
