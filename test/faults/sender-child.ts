/** Sends numbered events without end and prints each number once Kinesis has it; for a test that kills it. Arguments: URL and stream. */
import { connectKinesis } from '../../base/aws.ts';
import { Sender } from '../../sender/index.ts';

const [endpoint = '', stream = ''] = process.argv.slice(2);
const credentials = { accessKeyId: 'x', secretAccessKey: 'y' };
const kinesis = connectKinesis({ endpoint, region: 'us-east-1', credentials });
const sender = new Sender({
  kinesis,
  stream,
  flushAfterMs: 5,
  partitionKey: (event) => String(Number(event.data) % 3),
});
for (let n = 0; ; n++) {
  void sender.write({ data: String(n) }).then(() => process.stdout.write(`${n}\n`));
  await new Promise((resolve) => setImmediate(resolve));
}
