/** The SDK's protocol with one answer left alone: the frames of SubscribeToShard, whose events are read our way. */
import { AwsJson1_1Protocol } from '@aws-sdk/core/protocols';

type Deserialize = AwsJson1_1Protocol['deserializeResponse'];
type MetadataBearer = Awaited<ReturnType<Deserialize>>;

/** Hand it to the client as `protocol`. The hook is the SDK's own but not promised for ever: `bodyOf` fails loudly when it is not called any more. */
export class FanOutProtocol extends AwsJson1_1Protocol {
  override async deserializeResponse<Output extends MetadataBearer>(
    ...[operation, context, response]: Parameters<Deserialize>
  ): Promise<Output> {
    if (operation.name !== 'SubscribeToShard' || response.statusCode >= 300)
      return super.deserializeResponse(operation, context, response);
    const output: MetadataBearer = new PushedOutput(response.body, this.deserializeMetadata(response));
    return output as Output;
  }
}

class PushedOutput {
  readonly body: unknown;
  readonly $metadata: MetadataBearer['$metadata'];

  constructor(body: unknown, $metadata: MetadataBearer['$metadata']) {
    this.body = body;
    this.$metadata = $metadata;
  }
}

/** Undefined when the output did not come through FanOutProtocol. */
export function bodyOf(output: object): unknown {
  return output instanceof PushedOutput ? output.body : undefined;
}
