/** The closed list of ways kinlog fails: each code with its remedy, whether to try again, and the exit status it ends a command with. */
/* eslint-disable max-lines -- a closed list is read as one; what is not list below it is short */

/** `soon`: back off from milliseconds; `slow`: a person or another system must act first, ask again every half minute or so; `never`: trying again gives the same answer. */
export type Retry = 'never' | 'soon' | 'slow';

interface ErrorKind {
  readonly retry: Retry;
  readonly exit: number;
  /** When a user meets it, for docs/errors.md. */
  readonly meaning: string;
  /** What to do, when the place that raises it knows nothing better. */
  readonly remedy: string;
}

const kind = (retry: Retry, exit: number, meaning: string, remedy: string): ErrorKind => ({
  retry,
  exit,
  meaning,
  remedy,
});

export const ERRORS = {
  KINLOG_CONFIG_INVALID: kind(
    'never',
    1,
    'One or more options are missing, unknown or malformed; the message lists all of them.',
    'Correct the options that the message names.',
  ),
  KINLOG_CREDENTIALS_MISSING: kind(
    'slow',
    100,
    'No AWS credentials were found in the environment, the shared files, or the metadata service.',
    'Give the host an instance role; in Splunk, store an access key on the set-up page and choose it in the input; elsewhere set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name with AWS_PROFILE a profile that the shared AWS files have.',
  ),
  KINLOG_CREDENTIALS_REFUSED: kind(
    'slow',
    100,
    'AWS does not accept the credentials: unknown key, wrong signature, or an expired token.',
    'Renew the credentials, and check that the clock of this host is right.',
  ),
  KINLOG_PERMISSION_REFUSED: kind(
    'slow',
    100,
    'AWS refused an action to this identity. Positions are kept.',
    'Allow the IAM action that the message names on the stream.',
  ),
  KINLOG_KMS_REFUSED: kind(
    'slow',
    100,
    'The stream is encrypted and its KMS key can not be used: disabled, deleted, or not allowed to this identity. Positions are kept.',
    'Enable the key, and allow this identity kms:Decrypt on it to read, kms:GenerateDataKey to send.',
  ),
  KINLOG_STREAM_NOT_FOUND: kind(
    'slow',
    100,
    'No stream of that name exists in that region and account.',
    'Check the name, the region and the account; stream names are case-sensitive.',
  ),
  KINLOG_STREAM_DELETED: kind(
    'never',
    100,
    'The stream was deleted while it was being read. Stored positions are kept.',
    'Disable the input, or create the stream again and move its stored positions away.',
  ),
  KINLOG_STREAM_RECREATED: kind(
    'never',
    100,
    'The stored positions belong to an earlier stream of the same name, which was deleted and created again.',
    'Move the stored positions of this stream away; reading then starts anew from the configured initial position.',
  ),
  KINLOG_SHARD_GONE: kind(
    'never',
    100,
    'Kinesis knows the stream but not the shard any more: all its records have aged out. Its children are read.',
    'Nothing for now. Find out why reading fell behind by the whole retention of the stream, or lengthen that.',
  ),
  KINLOG_POSITION_REFUSED: kind(
    'never',
    100,
    'Kinesis does not accept the stored position of a shard.',
    'Check that the positions are those of this stream; otherwise move them away to read it anew.',
  ),
  KINLOG_ITERATOR_EXPIRED: kind(
    'soon',
    100,
    'A shard iterator was not used for five minutes. The reader asks for a new one after the last record it read.',
    'Nothing: this heals by itself. If it comes often, the output is slower than the stream.',
  ),
  KINLOG_LISTING_EXPIRED: kind(
    'soon',
    100,
    'The listing of shards took longer than the five minutes its continuation lives. It starts again.',
    'Nothing: this heals by itself.',
  ),
  KINLOG_CONSUMER_UNAVAILABLE: kind(
    'slow',
    100,
    'The stream consumer for enhanced fan-out does not exist, is being deleted, or can not be registered. Positions are kept.',
    'Name a consumer that exists and is active, or let the reader register one.',
  ),
  KINLOG_SUBSCRIPTION_TAKEN: kind(
    'slow',
    100,
    'Another reader subscribed to a shard with the same stream consumer: each shard has one subscription per consumer. The position is kept.',
    'Nothing, if readers share the positions: the shard changes hands, or the reader ran before. Otherwise give each reader a consumer of its own.',
  ),
  KINLOG_THROTTLED: kind(
    'soon',
    100,
    'Kinesis asks to slow down: more than 5 reads or 2 MB a second on one shard, all readers counted.',
    'Nothing, if it is rare. Otherwise look for a second reader of the stream, or add shards.',
  ),
  KINLOG_SERVICE_UNAVAILABLE: kind(
    'soon',
    100,
    'A service did not answer, or answered with a failure of its own.',
    'If it does not heal by itself, check endpoint, proxy, firewall and DNS.',
  ),
  KINLOG_TLS_UNTRUSTED: kind(
    'slow',
    100,
    'The certificate of a service is not trusted: an unknown authority, another name, or a time outside its validity.',
    'Name the certificate authority of the service, and check that the clock of this host is right.',
  ),
  KINLOG_SPLUNK_REFUSED: kind(
    'slow',
    100,
    'splunkd does not accept the session key or token, or does not allow its user what is needed. Positions are kept.',
    'Give a token that is valid, of a user who may read and write what the message names.',
  ),
  KINLOG_SESSION_ENDED: kind(
    'never',
    100,
    'splunkd does not accept the session key of this run any more. Positions are kept.',
    'Nothing: the input ends, and splunkd starts it again with a fresh key.',
  ),
  KINLOG_SECRET_UNUSABLE: kind(
    'slow',
    100,
    'A secret that an input names is not in the password storage of Splunk, or lies there in a form that can not be read.',
    'Store the secret again on the set-up page of the app, under the name that the message tells.',
  ),
  KINLOG_KV_COLLECTION_MISSING: kind(
    'slow',
    100,
    'The collection for positions is not in the KV store of this Splunk instance. It is not created on its own: an empty one would begin anew.',
    'Install and enable the app whose collections.conf declares it, and check the names of app and collection.',
  ),
  KINLOG_REQUEST_REFUSED: kind(
    'never',
    100,
    'A service refused a request as malformed. This is a fault of kinlog or of an endpoint that is not the real one.',
    'Report it with the message and the version.',
  ),
  KINLOG_CHECKPOINT_CONFLICT: kind(
    'never',
    100,
    'Somebody else wrote the row of a shard in between: another reader works on the same stream with the same store.',
    'Run one reader for each stream and store.',
  ),
  KINLOG_LEASE_LOST: kind(
    'never',
    100,
    'Another reader has taken the shard, because this one had not shown that it lives, had not handed over in time, or its row was changed by hand.',
    'Nothing, if it is rare: the other reader goes on where the stored position says. Otherwise look for pauses of the host and a slow store.',
  ),
  KINLOG_KCL_ALIVE: kind(
    'never',
    100,
    'A Kinesis Client Library (KCL) application still works on the same checkpoint table. Two kinds of readers on one table would deliver twice and undo each other.',
    'Stop every worker of that application first, then start the reader again; it goes on where they stopped.',
  ),
  KINLOG_STREAM_TAKEN: kind(
    'never',
    100,
    'Another reader reads the same stream with the same position store, and this one is told to share it with nobody.',
    'Nothing is lost: the other one reads. Let one host alone read the stream, or let them share it.',
  ),
  KINLOG_POSITION_MISSING: kind(
    'never',
    100,
    'The reader was told to go on where reading had stopped, but the store holds no position of the stream.',
    'Check that this is the store used before. To read the stream anew, choose another start, or say what to do when a position is lost.',
  ),
  KINLOG_POSITION_LOST: kind(
    'never',
    100,
    'What a shard still had to deliver has aged out of the stream, and the reader was told to stop then.',
    'To go on with the oldest record that is left, choose the horizon for when a position is lost. Find out why reading fell behind by the whole retention.',
  ),
  KINLOG_CHECKPOINT_IN_USE: kind(
    'never',
    100,
    'A reader is at work on positions that should be changed: a row changed while it was watched, or a lease has not ended.',
    'Stop every reader of the stream and store, then try again. --force goes on without looking, and what is written may be lost or refused.',
  ),
  KINLOG_CHECKPOINT_LOCKED: kind(
    'soon',
    100,
    'Another process holds the position database.',
    'Stop the other process, or give this one a directory of its own.',
  ),
  KINLOG_CHECKPOINT_FOREIGN: kind(
    'never',
    100,
    'The table of the position store is in use for something else: another key, items that are no leases, or the rows of another stream.',
    'Name another table, or the one that belongs to this stream.',
  ),
  KINLOG_CHECKPOINT_MISSING: kind(
    'slow',
    100,
    'The table or directory of the position store does not exist, and it was not to be made or has been deleted while in use.',
    'Check the name, the region and the account, or make the table.',
  ),
  KINLOG_CHECKPOINT_UNREADABLE: kind(
    'never',
    100,
    'The position database exists but can not be read: it is damaged, half-written, or not a position database.',
    'Restore the directory from a backup, or move it away to start anew from the configured initial position.',
  ),
  KINLOG_CHECKPOINT_NEWER: kind(
    'never',
    100,
    'A row was written by a newer version of kinlog and would lose what this version does not know.',
    'Install the newer version again, or move the stored positions away to start anew.',
  ),
  KINLOG_CHECKPOINT_UNAVAILABLE: kind(
    'soon',
    100,
    'The position store did not take a write. Reading pauses; positions are not moved.',
    'Check free disk space, permissions and the health of the store.',
  ),
  KINLOG_OUTPUT_CLOSED: kind(
    'never',
    100,
    'The receiver of the events closed the pipe. What it had not taken is read again at the next start.',
    'Nothing, if the receiver was stopped. Otherwise look into its log.',
  ),
  KINLOG_EVENTS_REFUSED: kind(
    'never',
    100,
    'The output works, but will never accept some of these events as they are.',
    'Remove the reason that the message names, or have refused events put aside among the dead letters.',
  ),
  KINLOG_DEAD_LETTERS_FULL: kind(
    'never',
    100,
    'The file of refused events has reached its limit. Nothing is dropped: reading stops before the event that finds no place.',
    'Look into the file why events are refused, then move it away; a new one begins by itself.',
  ),
  KINLOG_OUTPUT_FAILED: kind(
    'never',
    100,
    'Events could not be written to the output.',
    'Check the target that the message names: free space, permissions, path.',
  ),
  KINLOG_INPUT_INVALID: kind(
    'never',
    1,
    'What arrived on stdin is not what the program expects there.',
    'Let splunkd start the input; the commands show with --help how they are called.',
  ),
  KINLOG_RECORD_TOO_LARGE: kind(
    'never',
    2,
    'One event does not fit into a Kinesis record.',
    'Send smaller events, or compress them.',
  ),
  KINLOG_BUFFER_FULL: kind(
    'never',
    75,
    'The sender has as many unsent bytes as it may hold and was told not to wait.',
    'Raise the limit, add shards, or let the sender wait.',
  ),
  KINLOG_SEND_FAILED: kind(
    'never',
    75,
    'Kinesis did not take the events and the sender gave up.',
    'Remove the cause that the message names, and send again what was not sent.',
  ),
  KINLOG_COMMAND_FAILED: kind(
    'never',
    127,
    'The command whose output should be sent could not be started.',
    'Check its name, its path and that it may be executed.',
  ),
  KINLOG_LEADERSHIP_LOST: kind(
    'never',
    100,
    'Another operator may lead by now, because this one could not renew its Lease in time. It ends without writing anything more.',
    'Nothing, if it is rare: the operator is started again and stands by. Otherwise look for pauses of the node and a slow API server.',
  ),
  KINLOG_STOP_OVERDUE: kind(
    'never',
    100,
    'A reader that was stopped could not end in time, because an output or the position store did not answer at all. What was not accepted or not stored is read again at the next start.',
    'Find out why the output or the position store stands still.',
  ),
  KINLOG_CLOSED: kind(
    'never',
    100,
    'Something was used after it was closed.',
    'Report it: this is a fault of the program.',
  ),
  KINLOG_UNEXPECTED: kind(
    'never',
    100,
    'Something happened that kinlog has no name for. It is not retried.',
    'Report it with the message and the version.',
  ),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorDetails {
  /** What to do about it here; the general remedy of the code otherwise. */
  readonly remedy?: string;
  readonly retry?: Retry;
  readonly cause?: unknown;
}

/** Every failure that leaves a part of kinlog. Branch on `code`; the message says what and which, the remedy what to do; neither holds a secret. */
export class KinlogError extends Error {
  override readonly name = 'KinlogError';
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly retry: Retry;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.remedy = details.remedy ?? ERRORS[code].remedy;
    this.retry = details.retry ?? ERRORS[code].retry;
  }

  get exit(): number {
    return ERRORS[this.code].exit;
  }
}

export function isKinlogError(error: unknown, code?: ErrorCode): error is KinlogError {
  return error instanceof KinlogError && (code === undefined || error.code === code);
}

/** The border for errors of other people's code: what is not ours gets a name that is never retried. */
export function asKinlogError(error: unknown, doing: string): KinlogError {
  if (error instanceof KinlogError) return error;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new KinlogError('KINLOG_UNEXPECTED', `${doing}: ${text}`, { cause: error });
}

/** One line for a person: what happened, which code, what to do. */
export function describeError(error: unknown): string {
  const known = asKinlogError(error, 'unexpected failure');
  return `${known.message} (${known.code}). ${known.remedy}`.replaceAll(/\s*[\r\n]+\s*/g, ' ');
}

export interface DescribedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

/** What `describeError` wrote, read back by who has only the line; undefined when it did not write it. */
export function readDescription(line: string): DescribedError | undefined {
  const [, message, code, remedy] = /^(.*) \((KINLOG_[A-Z_]+)\)\. (.*)$/s.exec(line) ?? [];
  if (message === undefined || !Object.hasOwn(ERRORS, code!)) return undefined;
  return { code: code as ErrorCode, message, remedy: remedy! };
}
