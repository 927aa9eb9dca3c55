/** The SDK's protocol with one answer read our way: GetRecords, whose default deserialiser spends most of its time in a regular expression over base64. */
import type { GetRecordsOutput } from '@aws-sdk/client-kinesis';
import { AwsJson1_1Protocol } from '@aws-sdk/core/protocols';
import { readAnswer } from './answer.ts';
import type { RecordsAnswer } from './api.ts';
import { PageMemory } from './page-memory.ts';

type Deserialize = AwsJson1_1Protocol['deserializeResponse'];
type Operation = Parameters<Deserialize>[0];
type Context = Parameters<Deserialize>[1];
type Response = Parameters<Deserialize>[2];
type MetadataBearer = Awaited<ReturnType<Deserialize>>;

/** Hand it to the client as `protocol`. The hook is the SDK's own but not promised for ever: `answerOf` fails loudly when it is not called any more. */
export class KinesisProtocol extends AwsJson1_1Protocol {
  readonly #memory = new PageMemory();

  override async deserializeResponse<Output extends MetadataBearer>(
    operation: Operation,
    context: Context,
    response: Response,
  ): Promise<Output> {
    if (operation.name !== 'GetRecords' || response.statusCode >= 300)
      return super.deserializeResponse(operation, context, response);
    const { body, whole } = await collect(response, context, this.#memory);
    const answer = { ...readAnswer(body), ...(whole === undefined ? {} : { recycle: this.#recycler(whole) }) };
    const output: MetadataBearer = new ScannedOutput(answer, this.deserializeMetadata(response));
    return output as Output;
  }

  #recycler(whole: Buffer): () => void {
    let given = false;
    return () => {
      if (!given) this.#memory.give(whole);
      given = true;
    };
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

/** A body in memory that is ours alone. */
interface Collected {
  readonly body: Buffer;
  /** The piece of page memory that it lies in. */
  readonly whole?: Buffer;
}

/** With a known length the chunks are copied once, to their final place. */
async function collect(response: Response, context: Context, memory: PageMemory): Promise<Collected> {
  const body: unknown = response.body;
  if (body instanceof Uint8Array) return { body: Buffer.from(body) };
  if (!isReadable(body)) return { body: Buffer.from(await context.streamCollector(body)) };
  const length = Number(header(response, 'content-length') ?? NaN);
  if (!Number.isSafeInteger(length) || length > MAX_BODY) return { body: await collectAll(body) };
  // Given back by who is done with the records; what fails or is left behind on the way goes to the collector instead.
  const whole = memory.take(length);
  return { body: await collectInto(whole, body), whole };
}

/** Above any page Kinesis can send; a longer claim is not trusted with an allocation. */
const MAX_BODY = 64 * 1024 * 1024;

type Chunks = AsyncIterable<Uint8Array> & NodeJS.ReadableStream;

function isReadable(body: unknown): body is Chunks {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body && 'on' in body;
}

function collectInto(whole: Buffer, body: Chunks): Promise<Buffer> {
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
