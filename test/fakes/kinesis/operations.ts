/** The operations that the simulator knows, by the names of the API. */
import {
  deregisterStreamConsumer,
  describeStreamConsumer,
  listStreamConsumers,
  registerStreamConsumer,
} from './consumer.ts';
import { listShards } from './list.ts';
import {
  changeRetention,
  createStream,
  deleteStream,
  describeStream,
  describeStreamSummary,
  mergeShards,
  splitShard,
  updateMaxRecordSize,
  updateShardCount,
} from './manage.ts';
import { getRecords, getShardIterator } from './read.ts';
import type { Input, Output, Service } from './service.ts';
import { subscribeToShard } from './subscribe.ts';
import { putRecord, putRecords } from './write.ts';

export const OPERATIONS = {
  CreateStream: createStream,
  DeleteStream: deleteStream,
  DescribeStream: describeStream,
  DescribeStreamSummary: describeStreamSummary,
  ListShards: listShards,
  GetShardIterator: getShardIterator,
  GetRecords: getRecords,
  PutRecord: putRecord,
  PutRecords: putRecords,
  SplitShard: splitShard,
  MergeShards: mergeShards,
  UpdateShardCount: updateShardCount,
  IncreaseStreamRetentionPeriod: changeRetention,
  DecreaseStreamRetentionPeriod: changeRetention,
  UpdateMaxRecordSize: updateMaxRecordSize,
  RegisterStreamConsumer: registerStreamConsumer,
  DescribeStreamConsumer: describeStreamConsumer,
  ListStreamConsumers: listStreamConsumers,
  DeregisterStreamConsumer: deregisterStreamConsumer,
  SubscribeToShard: subscribeToShard,
} as const satisfies Record<string, (service: Service, input: Input) => Output>;

export type Operation = keyof typeof OPERATIONS;

export const isOperation = (name: string): name is Operation => Object.hasOwn(OPERATIONS, name);
