/** The HTTP simulator as a process, so that a stream outlives the readers that tests kill. Ends when its stdin ends, so it never outlives the test.
 *  KINLOG_SIMULATOR: JSON {port?, streams?: {name: shards}, settings?}. Prints {"url": …} on stdout when ready. */
import { FakeKinesis } from './fake.ts';
import { startSimulator } from './server.ts';
import type { Settings } from './service.ts';

interface Configuration {
  readonly port?: number;
  readonly streams?: Readonly<Record<string, number>>;
  readonly settings?: Partial<Omit<Settings, 'accessKeys' | 'allow'>>;
}

const configuration = JSON.parse(process.env['KINLOG_SIMULATOR'] ?? '{}') as Configuration;
const fake = new FakeKinesis(configuration.settings ?? {});
for (const [name, shards] of Object.entries(configuration.streams ?? {})) fake.createStream(name, shards);
const simulator = await startSimulator(fake, { port: configuration.port ?? 0 });
process.stdout.write(`${JSON.stringify({ url: simulator.url })}\n`);
process.stdin.resume().on('end', () => void simulator.close());
process.on('SIGTERM', () => process.exit(0));
