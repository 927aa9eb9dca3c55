/** Both ends of the way: a Kinesis, a DynamoDB and a Splunk that takes events. Clusters may have them in common. */
import path from 'node:path';
import { startHecProcess, type HecProcess } from '../fakes/hec/child.ts';
import { startSimulatorProcess, type SimulatorProcess } from '../fakes/kinesis/child.ts';
import { startDynalite } from '../fakes/peers/dynalite.ts';
import { startDynamoLocal } from '../fakes/peers/dynamodb-local.ts';
import type { Peer } from '../fakes/peers/process.ts';

export interface Ends {
  readonly simulator: SimulatorProcess;
  readonly dynamo: Peer;
  readonly hec: HecProcess;
  /** File of what Splunk has. */
  readonly indexed: string;
}

/** `token`: that Splunk takes. */
export async function startEnds(folder: string, token: string): Promise<Ends> {
  const indexed = path.join(folder, 'indexed');
  const [simulator, dynamo, hec] = await Promise.all([
    startSimulatorProcess({ settings: { readLimits: false } }),
    startDynamo(),
    startHecProcess({ tokens: { [token]: {} }, file: indexed }),
  ]);
  return { simulator, dynamo, hec, indexed };
}

export async function stopEnds({ simulator, dynamo, hec }: Ends): Promise<void> {
  await Promise.all([simulator.close(), dynamo.close(), hec.kill()]);
}

/** Amazon's own where KINLOG_DYNAMODB_LOCAL names what `make test-interop` has built; dynalite else, which needs no Java. */
function startDynamo(): Promise<Peer> {
  const folder = process.env['KINLOG_DYNAMODB_LOCAL'];
  return folder === undefined ? startDynalite() : startDynamoLocal(folder);
}
