/** STS on loopback: knows roles and tokens, hands out credentials that end, and can be told to fail or to wait. */
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Role {
  /** Who may assume it: access keys and web identity tokens. */
  readonly trusts: ReadonlySet<string>;
  readonly externalId?: string;
}

export interface StsCall {
  readonly action: string;
  readonly roleArn: string;
  readonly sessionName: string;
  readonly accessKey: string | undefined;
}

interface Failure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

class Refusal extends Error {
  readonly failure: Failure;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.failure = { status, code, message };
  }
}

/** Access keys that are good at this moment; a set as the Kinesis simulator takes it. */
class LiveKeys extends Set<string> {
  readonly #ends = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    super();
    this.#now = now;
  }

  give(key: string, endMs: number): void {
    this.#ends.set(key, endMs);
  }

  override has(key: string): boolean {
    return (this.#ends.get(key) ?? -Infinity) > this.#now();
  }
}

export class FakeSts {
  readonly calls: StsCall[] = [];
  readonly roles = new Map<string, Role>();
  readonly liveKeys: LiveKeys;
  sessionMs = 3_600_000;
  readonly #now: () => number;
  readonly #failures: Failure[] = [];
  #gate: PromiseWithResolvers<void> | undefined;
  #server: Server | undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.liveKeys = new LiveKeys(now);
  }

  async start(): Promise<this> {
    this.#server = createServer(this.handler).listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server!.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.release();
    const server = this.#server!;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  failNext(status: number, code: string, message = ''): void {
    this.#failures.push({ status, code, message });
  }

  /** Calls arrive and wait until `release`. */
  hold(): void {
    this.#gate ??= Promise.withResolvers();
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  readonly handler: RequestListener = (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const accessKey = /Credential=([^/,]+)\//.exec(request.headers.authorization ?? '')?.[1];
      const asked = new URLSearchParams(body);
      const call = {
        action: asked.get('Action') ?? '',
        roleArn: asked.get('RoleArn') ?? '',
        sessionName: asked.get('RoleSessionName') ?? '',
        accessKey,
      };
      this.calls.push(call);
      void Promise.resolve(this.#gate?.promise).then(() => {
        const { status, xml } = this.#answer(call, asked);
        response.writeHead(status, { 'content-type': 'text/xml' }).end(xml);
      });
    });
  };

  #answer(call: StsCall, asked: URLSearchParams): { status: number; xml: string } {
    try {
      const failure = this.#failures.shift();
      if (failure !== undefined) throw new Refusal(failure.status, failure.code, failure.message);
      this.#authorise(call, asked);
      return { status: 200, xml: this.#session(call, Number(asked.get('DurationSeconds') ?? 3600)) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status, code, message } = error.failure;
      return {
        status,
        xml: `<ErrorResponse><Error><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
      };
    }
  }

  #authorise({ action, roleArn, accessKey }: StsCall, asked: URLSearchParams): void {
    const role = this.roles.get(roleArn);
    if (action === 'AssumeRoleWithWebIdentity') {
      if (role?.trusts.has(asked.get('WebIdentityToken') ?? '') !== true)
        throw new Refusal(400, 'InvalidIdentityToken', 'No OpenIDConnect provider found in your account');
      return;
    }
    const trusted =
      role?.trusts.has(accessKey ?? '') === true && role.externalId === (asked.get('ExternalId') ?? undefined);
    if (!trusted)
      throw new Refusal(
        403,
        'AccessDenied',
        `User: arn:aws:iam::123456789012:user/u is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
      );
  }

  #session({ action }: StsCall, seconds: number): string {
    const accessKey = `ASIA${String(this.calls.length).padStart(4, '0')}`;
    const endMs = this.#now() + Math.min(this.sessionMs, seconds * 1000);
    this.liveKeys.give(accessKey, endMs);
    return `<${action}Response><${action}Result><Credentials><AccessKeyId>${accessKey}</AccessKeyId>
      <SecretAccessKey>secret of ${accessKey}</SecretAccessKey><SessionToken>token of ${accessKey}</SessionToken>
      <Expiration>${new Date(endMs).toISOString()}</Expiration></Credentials></${action}Result></${action}Response>`;
  }
}
