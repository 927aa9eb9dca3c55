/** Operations that make, change and describe streams. */
import { KinesisFailure, invalidArgument, validation } from './failure.ts';
import { describeShard } from './list.ts';
import type { Input, Output, Service } from './service.ts';
import type { FakeStream, StreamStatus } from './stream.ts';

const DONE: Output = { fields: {} };

export function createStream(service: Service, input: Input): Output {
  const { StreamName: name = '', StreamModeDetails: mode } = input;
  const onDemand = mode?.StreamMode === 'ON_DEMAND';
  const shardCount = input.ShardCount ?? (onDemand ? 4 : 1);
  if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(name))
    throw validation(name, 'streamName', 'satisfy regular expression pattern: [a-zA-Z0-9_.-]+');
  if (shardCount < 1) throw validation(shardCount, 'shardCount', 'have value greater than or equal to 1');
  if (service.known(name) !== undefined)
    throw new KinesisFailure(
      'ResourceInUseException',
      `Stream ${name} under account ${service.account} already exists.`,
    );
  change(service, service.create(name, shardCount, onDemand), 'CREATING', () => undefined);
  return DONE;
}

export function deleteStream(service: Service, input: Input): Output {
  const stream = service.named(input);
  change(service, stream, 'DELETING', () => {
    service.bury(stream);
  });
  return DONE;
}

export function describeStreamSummary(service: Service, input: Input): Output {
  if (service.settings.readLimits && !service.describes.take(service.clock.monotonic()))
    throw new KinesisFailure('LimitExceededException', `Rate exceeded for account ${service.account}.`);
  const stream = service.named(input);
  return {
    fields: {
      StreamDescriptionSummary: {
        ...describe(stream),
        OpenShardCount: stream.open.length,
        ConsumerCount: stream.consumers.length,
      },
    },
  };
}

export function describeStream(service: Service, input: Input): Output {
  const stream = service.named(input);
  const all = stream.listed(service.now());
  const after = input.ExclusiveStartShardId ?? '';
  const rest = all.filter((shard) => shard.shardId > after);
  const shards = rest.slice(0, input.Limit ?? 100);
  const HasMoreShards = shards.length < rest.length;
  return {
    fields: { StreamDescription: { ...describe(stream), HasMoreShards, Shards: shards.map(describeShard) } },
  };
}

export function splitShard(service: Service, input: Input): Output {
  const stream = service.active(input);
  const parent = stream.shard(input.ShardToSplit ?? '', service.now());
  const at = BigInt(input.NewStartingHashKey ?? 0);
  stream.checkSplit(parent, at);
  change(service, stream, 'UPDATING', () => stream.split(parent, at, service.now()));
  return DONE;
}

export function mergeShards(service: Service, input: Input): Output {
  const stream = service.active(input);
  const left = stream.shard(input.ShardToMerge ?? '', service.now());
  const right = stream.shard(input.AdjacentShardToMerge ?? '', service.now());
  stream.checkMerge(left, right);
  change(service, stream, 'UPDATING', () => stream.merge(left, right, service.now()));
  return DONE;
}

export function updateShardCount(service: Service, input: Input): Output {
  const stream = service.active(input);
  const target = input.TargetShardCount ?? 0;
  const current = stream.open.length;
  if (target < Math.ceil(current / 2) || target > current * 2 || target === current)
    throw invalidArgument(
      `TargetShardCount ${target} must be between half and twice of the current ${current}, and differ from it.`,
    );
  change(service, stream, 'UPDATING', () => {
    stream.resize(target, service.now());
  });
  return { fields: { StreamName: stream.shape.name, CurrentShardCount: current, TargetShardCount: target } };
}

export function changeRetention(service: Service, input: Input): Output {
  const hours = input.RetentionPeriodHours ?? 0;
  if (hours < 24 || hours > 8760) throw validation(hours, 'retentionPeriodHours', 'have value between 24 and 8760');
  service.active(input).retentionHours = hours;
  return DONE;
}

export function updateMaxRecordSize(service: Service, input: Input): Output {
  const size = input.MaxRecordSizeInKiB ?? 0;
  if (size < 1024 || size > 10_240) throw validation(size, 'maxRecordSizeInKiB', 'have value between 1024 and 10240');
  service.active(input).maxRecordKiB = size;
  return DONE;
}

function change(service: Service, stream: FakeStream, status: StreamStatus, apply: () => void): void {
  const nowMs = service.now();
  stream.later(status, nowMs + service.settings.changeMs, nowMs, apply);
}

function describe(stream: FakeStream): Record<string, unknown> {
  const { name, createdMs, onDemand } = stream.shape;
  return {
    StreamName: name,
    StreamARN: stream.arn,
    StreamStatus: stream.status,
    StreamModeDetails: { StreamMode: onDemand ? 'ON_DEMAND' : 'PROVISIONED' },
    RetentionPeriodHours: stream.retentionHours,
    StreamCreationTimestamp: createdMs / 1000,
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: stream.encryption,
    MaxRecordSizeInKiB: stream.maxRecordKiB,
  };
}
