/** A DynamoDB that can refuse an action, as IAM lets it: whatever it allows goes on to the one behind it. */
import { once } from 'node:events';
import { Agent, createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export class RefusingDynamo {
  readonly #behind: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #server = createServer((request, response) => this.#answer(request, response));
  /** Such as `DeleteItem`. */
  refuses: string | undefined;

  private constructor(behind: string) {
    this.#behind = behind;
  }

  static async start(behind: string): Promise<RefusingDynamo> {
    const dynamo = new RefusingDynamo(behind);
    dynamo.#server.listen(0, '127.0.0.1');
    await once(dynamo.#server, 'listening');
    return dynamo;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { method, headers } = request;
    const action = String(headers['x-amz-target']).replace(/^.*\./, '');
    if (action === this.refuses) {
      request.resume();
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(refusal(action)));
      return;
    }
    const onward = forward(this.#behind, { method, headers, agent: this.#agent }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  }
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html */
const refusal = (action: string) => ({
  __type: 'com.amazon.coral.service#AccessDeniedException',
  Message: `User: arn:aws:sts::123456789012:assumed-role/logs/reader is not authorized to perform: dynamodb:${action} because no identity-based policy allows the dynamodb:${action} action`,
});
