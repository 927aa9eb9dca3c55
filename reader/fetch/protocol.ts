/** The SDK's protocol with one answer read our way: GetRecords, whose default deserialiser spends most of its time in a regular expression over base64. */
import type { GetRecordsOutput } from '@aws-sdk/client-kinesis';
import { AwsJson1_1Protocol } from '@aws-sdk/core/protocols';
import { readAnswer } from './answer.ts';
import type { RecordsAnswer } from './api.ts';

type Deserialize = AwsJson1_1Protocol['deserializeResponse'];
type Operation = Parameters<Deserialize>[0];
type Context = Parameters<Deserialize>[1];
type Response = Parameters<Deserialize>[2];
type MetadataBearer = Awaited<ReturnType<Deserialize>>;

/** Hand it to the client as `protocol`. The hook is the SDK's own but not promised for ever: `answerOf` fails loudly when it is not called any more. */
export class KinesisProtocol extends AwsJson1_1Protocol {
  override async deserializeResponse<Output extends MetadataBearer>(
    operation: Operation,
    context: Context,
    response: Response,
  ): Promise<Output> {
    if (operation.name !== 'GetRecords' || response.statusCode >= 300)
      return super.deserializeResponse(operation, context, response);
    const body = await collect(response, context);
    const answer = readAnswer(body);
    const output: MetadataBearer = new ScannedOutput(answer, this.deserializeMetadata(response));
    return output as Output;
  }
}

/** What the client returns for GetRecords: our answer, and the SDK's shape for whoever asks for that. */
class ScannedOutput implements GetRecordsOutput {
  readonly answer: RecordsAnswer;
  readonly $metadata: MetadataBearer['$metadata'];

  constructor(answer: RecordsAnswer, metadata: MetadataBearer['$metadata']) {
    this.answer = answer;
    this.$metadata = metadata;
  }

  get Records(): NonNullable<GetRecordsOutput['Records']> {
    return this.answer.records.map((record) => ({
      Data: record.data,
      SequenceNumber: record.sequenceNumber,
      PartitionKey: record.partitionKey,
      ApproximateArrivalTimestamp: new Date(record.arrivalMs),
    }));
  }

  get NextShardIterator(): string | undefined {
    return this.answer.next;
  }

  get MillisBehindLatest(): number {
    return this.answer.millisBehindLatest;
  }
}

/** Undefined when the output did not come through KinesisProtocol. */
export function answerOf(output: object): RecordsAnswer | undefined {
  return output instanceof ScannedOutput ? output.answer : undefined;
}

/** The whole body in memory that is ours alone. With a known length the chunks are copied once, to their final place. */
async function collect(response: Response, context: Context): Promise<Buffer> {
  const body: unknown = response.body;
  if (body instanceof Uint8Array) return Buffer.from(body);
  if (!isReadable(body)) return Buffer.from(await context.streamCollector(body));
  const length = Number(header(response, 'content-length') ?? NaN);
  return Number.isSafeInteger(length) && length <= MAX_BODY ? collectKnown(body, length) : collectAll(body);
}

/** Above any page Kinesis can send; a longer claim is not trusted with an allocation. */
const MAX_BODY = 64 * 1024 * 1024;

type Chunks = AsyncIterable<Uint8Array> & NodeJS.ReadableStream;

function isReadable(body: unknown): body is Chunks {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body && 'on' in body;
}

function collectKnown(body: Chunks, length: number): Promise<Buffer> {
  // Own memory, not the shared pool: a record's view would otherwise keep strangers alive.
  const whole = Buffer.allocUnsafeSlow(length);
  let at = 0;
  return new Promise((resolve, reject) => {
    body.on('data', (chunk: Buffer) => (at += chunk.copy(whole, at)));
    body.on('end', () => resolve(whole.subarray(0, at)));
    body.on('error', reject);
    body.on('close', () => reject(new SyntaxError('the body of an answer was cut off')));
  });
}

async function collectAll(body: Chunks): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function header(response: Response, name: string): string | undefined {
  const found = Object.entries(response.headers).find(([key]) => key.toLowerCase() === name);
  return found?.[1];
}
