/** The service's errors with the texts it answers; recorded by mhart/kinesalite or quoted in public issues of Kinesis consumers. */

export class KinesisFailure extends Error {
  readonly type: string;
  readonly status: number;

  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

export const invalidArgument = (message: string): KinesisFailure =>
  new KinesisFailure('InvalidArgumentException', message);

export const validation = (value: unknown, member: string, constraint: string): KinesisFailure =>
  new KinesisFailure(
    'ValidationException',
    `1 validation error detected: Value '${String(value)}' at '${member}' failed to satisfy constraint: Member must ${constraint}`,
  );

export const notFound = (message: string): KinesisFailure => new KinesisFailure('ResourceNotFoundException', message);

export const streamNotFound = (stream: string, account: string): KinesisFailure =>
  notFound(`Stream ${stream} under account ${account} not found.`);

export const rateExceeded = (shardId: string, stream: string, account: string): KinesisFailure =>
  new KinesisFailure(
    'ProvisionedThroughputExceededException',
    `Rate exceeded for shard ${shardId} in stream ${stream} under account ${account}.`,
  );

export function iteratorExpired(issuedMs: number, nowMs: number, toleratedMs: number): KinesisFailure {
  return new KinesisFailure(
    'ExpiredIteratorException',
    `Iterator expired. The iterator was created at time ${amazonDate(issuedMs)} while right now it is ${amazonDate(nowMs)} ` +
      `which is further in the future than the tolerated delay of ${toleratedMs} milliseconds.`,
  );
}

/** `Thu Jan 22 01:22:02 UTC 2015` */
function amazonDate(ms: number): string {
  const [day, date, month, year, time] = new Date(ms).toUTCString().replace(',', '').split(' ');
  return [day, month, date, time, 'UTC', year].join(' ');
}

/** The connection ended without an answer. */
export class ConnectionReset extends Error {
  readonly code = 'ECONNRESET';

  constructor() {
    super('socket hang up');
  }
}
