/** Rows out of the DynamoDB table of another program, once it has stopped. */
import { DynamoDBClient, ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { awsClientConfig } from '../base/aws-access.ts';
import { fromAws } from '../base/aws-errors.ts';
import { KinlogError } from '../base/errors.ts';
import { pages } from '../base/pages.ts';
import type { FoundTable, Item, Layout } from '../reader/checkpoint/import/layout.ts';
import { lifionTable } from '../reader/checkpoint/import/lifion.ts';
import { redpandaTable } from '../reader/checkpoint/import/redpanda.ts';
import { rowsFromTable } from '../reader/checkpoint/import/rows.ts';
import { telegrafTable } from '../reader/checkpoint/import/telegraf.ts';
import { vmwareTable } from '../reader/checkpoint/import/vmware.ts';
import type { ShardRow } from '../reader/checkpoint/store.ts';
import { refuseForeign } from './checkpoints-edit.ts';
import type { ImportValues } from './checkpoints-options.ts';
import { promptly, type Place, type StreamSide } from './checkpoints-scene.ts';

const LAYOUTS: Readonly<Record<NonNullable<ImportValues['layout']>, Layout>> = {
  vmware: vmwareTable,
  redpanda: redpandaTable,
  lifion: lifionTable,
  telegraf: telegrafTable,
};

export async function tableRows(
  values: ImportValues,
  { clock, signal, stream }: Place,
  { side, say }: { side: StreamSide; say: (text: string) => void },
): Promise<ShardRow[]> {
  const { fromTable: table = '', layout = 'vmware', application, start } = values;
  const client = clientOf(values);
  const look = async (): Promise<FoundTable> => {
    const items = await promptly(() => scan(client, table, signal), signal);
    return LAYOUTS[layout](items, { stream: stream.id, application, nowMs: clock.now() });
  };
  try {
    const found = await look();
    const listed = await side.shards();
    const { rows, leftOut } = rowsFromTable(found, { stream: await side.key(), listed, start });
    for (const { shardId, position } of rows) await refuseForeign(await side.api(), shardId, position, stream.id);
    if (!values.force) {
      refuseSigns(found, table);
      say(`watching ${table} for ${values.wait / 1000} s, to see that nobody writes it`);
      await clock.sleep(values.wait, signal);
      refuseChanged(found, await look(), table);
    }
    if (leftOut.length > 0) say(`left out, because the stream has them no more: ${leftOut.join(', ')}`);
    return [...rows];
  } finally {
    client.destroy();
  }
}

function clientOf({ fromRegion, fromEndpointUrl, fromRoleArn, fromExternalId }: ImportValues): DynamoDBClient {
  return new DynamoDBClient(
    awsClientConfig({
      region: fromRegion,
      endpoint: fromEndpointUrl,
      roleArn: fromRoleArn,
      externalId: fromExternalId,
    }),
  );
}

async function scan(client: DynamoDBClient, table: string, signal: AbortSignal): Promise<Item[]> {
  const items: Item[] = [];
  const page = async (start: Record<string, AttributeValue> | undefined) => {
    const command = new ScanCommand({ TableName: table, ConsistentRead: true, ExclusiveStartKey: start });
    const { Items, LastEvaluatedKey } = await client.send(command, { abortSignal: signal });
    return { items: Items ?? [], next: LastEvaluatedKey };
  };
  try {
    for await (const item of pages(page)) items.push(item);
    return items;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && error.name === 'ResourceNotFoundException')
      throw new KinlogError('KINLOG_CONFIG_INVALID', `there is no DynamoDB table ${table} in that region and account`, {
        cause: error,
        remedy: 'Check --from-table and --from-region.',
      });
    throw fromAws(error, { operation: 'dynamodb:Scan', resource: table });
  }
}

function refuseSigns({ alive }: FoundTable, table: string): void {
  if (alive.length === 0) return;
  throw new KinlogError('KINLOG_CHECKPOINT_IN_USE', `${table} is in use: ${alive.join('; ')}`, {
    remedy: 'Stop every worker of the other program, wait until its leases have ended, and try again.',
  });
}

function refuseChanged(before: FoundTable, after: FoundTable, table: string): void {
  refuseSigns(after, table);
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  throw new KinlogError('KINLOG_CHECKPOINT_IN_USE', `${table} is in use: its positions changed while it was watched`, {
    remedy: 'Stop every worker of the other program and try again.',
  });
}
