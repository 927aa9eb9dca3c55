/** Events through the sender into a stream: encoded as HEC lines, compressed, put and acknowledged. MB of event text a second. */
import { connectKinesis } from '../../base/aws.ts';
import { Sender, type Compression, type OutgoingEvent } from '../../sender/index.ts';
import type { Contender, Options } from '../contender.ts';
import { outgoing, textBytes } from './outgoing.ts';
import { IDENTITY } from './sdk.ts';

export function open(options: Options): Contender {
  const { endpoint, stream, compression } = options as { endpoint: string; stream: string; compression: Compression };
  const events = outgoing();
  const bytes = textBytes(events);
  const kinesis = connectKinesis({ ...IDENTITY, endpoint });
  return {
    round: async () => {
      const begun = performance.now();
      const sender = new Sender({ kinesis, stream, format: 'hec', compression });
      await sendAll(sender, events);
      const ms = performance.now() - begun;
      const { eventsSent } = sender.stats();
      if (eventsSent !== events.length) throw new Error(`${eventsSent} of ${events.length} events were sent`);
      return bytes / 1e3 / ms;
    },
    close: async () => kinesis.destroy(),
  };
}

async function sendAll(sender: Sender, events: readonly OutgoingEvent[]): Promise<void> {
  for (const event of events) while (!sender.tryWrite(event)) await sender.ready();
  await sender.close();
}
