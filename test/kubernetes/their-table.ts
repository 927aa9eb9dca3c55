/** Tables of DynamoDB that others have made, and a worker of the Kinesis Client Library at work on one. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateTableCommand,
  DescribeTableCommand,
  PutItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { until } from '../flow/cli-process.ts';

/** Settles once rows can be put into it. */
export async function makeTable(dynamo: DynamoDBClient, name: string, key: string): Promise<void> {
  await dynamo.send(
    new CreateTableCommand({
      TableName: name,
      KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  );
  const look = new DescribeTableCommand({ TableName: name });
  await until(async () => (await dynamo.send(look)).Table?.TableStatus === 'ACTIVE', `table ${name}`);
}

/** The lease of a KCL worker that lives as long as the signal. */
export async function worker(dynamo: DynamoDBClient, name: string, signal: AbortSignal): Promise<void> {
  for (let counter = 1; !signal.aborted; counter++) {
    await dynamo.send(
      new PutItemCommand({
        TableName: name,
        Item: {
          leaseKey: { S: 'shardId-000000000000' },
          leaseCounter: { N: String(counter) },
          leaseOwner: { S: 'their-worker' },
          checkpoint: { S: 'TRIM_HORIZON' },
          checkpointSubSequenceNumber: { N: '0' },
          ownerSwitchesSinceCheckpoint: { N: '0' },
        },
      }),
    );
    await sleep(300, undefined, { signal }).catch(() => undefined);
  }
}
