/** The border for failures of AWS calls: whatever the SDK throws becomes one KinlogError, without a secret in it. */
import { KinlogError, type ErrorCode, type ErrorDetails } from './errors.ts';

export interface AwsCall {
  /** As the API names it: `GetRecords`. */
  readonly operation: string;
  /** What the call was about: the stream's name or ARN, with the shard where there is one. */
  readonly resource: string;
  readonly region?: string | undefined;
  /** As IAM writes it before the action; default `kinesis`. */
  readonly service?: string | undefined;
}

/** What we read of a foreign error; every member may be missing or lie. */
interface Foreign {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly status: number;
  /** The answer showed that this host's clock is wrong, and the client signs with the service's time from now on. */
  readonly clockCorrected: boolean;
}

const names = (code: ErrorCode, ...list: string[]): [string, ErrorCode][] => list.map((name) => [name, code]);

/** By the name of the exception. Sources: the Kinesis API model, "Common Errors" of the Kinesis API reference, and STS for the credentials behind a call. */
const BY_NAME: ReadonlyMap<string, ErrorCode> = new Map([
  ...names(
    'KINLOG_THROTTLED',
    ...['ProvisionedThroughputExceededException', 'LimitExceededException', 'ThrottlingException', 'Throttling'],
    ...['ThrottledException', 'TooManyRequestsException', 'RequestLimitExceeded', 'RequestThrottled', 'SlowDown'],
    ...['RequestThrottledException', 'BandwidthLimitExceeded'],
  ),
  ...names('KINLOG_ITERATOR_EXPIRED', 'ExpiredIteratorException'),
  ...names('KINLOG_LISTING_EXPIRED', 'ExpiredNextTokenException'),
  ...names('KINLOG_STREAM_NOT_FOUND', 'ResourceNotFoundException'),
  ...names('KINLOG_PERMISSION_REFUSED', 'AccessDeniedException', 'AccessDenied', 'UnauthorizedOperation'),
  ...names(
    'KINLOG_KMS_REFUSED',
    ...['KMSAccessDeniedException', 'KMSDisabledException', 'KMSInvalidStateException', 'KMSNotFoundException'],
    ...['KMSOptInRequired'],
  ),
  ...names(
    'KINLOG_CREDENTIALS_REFUSED',
    ...['ExpiredTokenException', 'ExpiredToken', 'UnrecognizedClientException', 'InvalidClientTokenId'],
    ...['InvalidSignatureException', 'SignatureDoesNotMatch', 'IncompleteSignatureException', 'IncompleteSignature'],
    ...['MissingAuthenticationTokenException', 'MissingAuthenticationToken', 'AuthFailure', 'NotAuthorized'],
    ...['InvalidAccessKeyId', 'InvalidIdentityToken', 'ExpiredTokenIssue', 'OptInRequired', 'RequestExpired'],
    ...['RequestTimeTooSkewed', 'RequestInTheFuture', 'SubscriptionRequiredException'],
    ...['InvalidIdentityTokenException', 'IDPRejectedClaim', 'IDPRejectedClaimException'],
  ),
  ...names('KINLOG_CREDENTIALS_MISSING', 'CredentialsProviderError', 'TokenProviderError', 'ProviderError'),
  ...names(
    'KINLOG_SERVICE_UNAVAILABLE',
    ...['InternalFailureException', 'InternalFailure', 'InternalServerError', 'InternalServiceError'],
    ...['ServiceUnavailable', 'ServiceUnavailableException', 'RequestTimeout', 'RequestTimeoutException'],
    ...['TimeoutError', 'ResourceInUseException', 'KMSThrottlingException'],
    ...['IDPCommunicationError', 'IDPCommunicationErrorException'],
  ),
  ...names('KINLOG_REQUEST_REFUSED', 'InvalidArgumentException', 'ValidationException', 'SerializationException'),
  ...names('KINLOG_REQUEST_REFUSED', 'UnknownOperationException', 'InvalidAction', 'UnknownOperation'),
  ...names('KINLOG_CONFIG_INVALID', 'EndpointError', 'RegionDisabledException'),
]);

const NETWORK =
  /^(ECONN(RESET|REFUSED|ABORTED)|EPIPE|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_\w+|EPROTO|ERR_STREAM_PREMATURE_CLOSE|ERR_HTTP2_\w+|HPE_\w+)$/;
/** The region is part of the name, and a server that knows no more about it often says so with EAI_AGAIN. */
const UNRESOLVED = /^(ENOTFOUND|EAI_\w+)$/;
const CERTIFICATE =
  /^(CERT_\w+|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|ERR_TLS_CERT_\w+|ERR_SSL_\w+)$/;

/** nodejs.org/api/errors.html: the proxy did not let the connection through. */
const PROXY = 'ERR_PROXY_TUNNEL';
const PROXY_REFUSED = 407;

/** Total: every thrown value has an answer, and what is not known is never retried. A stop is not a failure, so check the signal first. */
export function fromAws(error: unknown, call: AwsCall): KinlogError {
  if (error instanceof KinlogError) return error;
  const foreign = read(error);
  const code = classify(foreign, call);
  return new KinlogError(code, sentence(code, foreign, call), details(code, foreign, { call, error }));
}

function read(error: unknown): Foreign {
  const of = (key: string): unknown =>
    typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[key] : undefined;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const given = of('$metadata');
  const metadata = typeof given === 'object' && given !== null ? (given as Record<string, unknown>) : {};
  const status = metadata['httpStatusCode'];
  return {
    name: text(of('name')),
    message: typeof error === 'string' ? error : text(of('message')),
    code: text(of('code')),
    status: typeof status === 'number' ? status : 0,
    clockCorrected: metadata['clockSkewCorrected'] === true,
  };
}

/** Calls that take a position. */
const STARTS: ReadonlySet<string> = new Set(['GetShardIterator', 'SubscribeToShard']);

function classify(foreign: Foreign, call: AwsCall): ErrorCode {
  if (foreign.name === 'InvalidArgumentException' && STARTS.has(call.operation)) return startRefused(foreign.message);
  const known = BY_NAME.get(foreign.name);
  if (known === 'KINLOG_CREDENTIALS_MISSING' && /expired|invalid/i.test(foreign.message))
    return 'KINLOG_CREDENTIALS_REFUSED';
  return known ?? byTransport(foreign);
}

// The exception does not say which argument it means; the texts are recorded in mhart/kinesalite actions/getShardIterator.js.
function startRefused(message: string): ErrorCode {
  return /did not come from this stream/.test(message) ? 'KINLOG_STREAM_RECREATED' : 'KINLOG_POSITION_REFUSED';
}

function byTransport({ name, message, code, status }: Foreign): ErrorCode {
  if (NETWORK.test(code) || CERTIFICATE.test(code) || status >= 500) return 'KINLOG_SERVICE_UNAVAILABLE';
  if (code === PROXY || status === PROXY_REFUSED) return 'KINLOG_SERVICE_UNAVAILABLE';
  if (status === 429) return 'KINLOG_THROTTLED';
  // The answer was no JSON: a proxy's page, or a body that was cut off.
  if (name === 'SyntaxError') return 'KINLOG_SERVICE_UNAVAILABLE';
  if (/^region\b/i.test(message) || code === 'ERR_INVALID_URL') return 'KINLOG_CONFIG_INVALID';
  return 'KINLOG_UNEXPECTED';
}

const WHAT: Partial<Record<ErrorCode, string>> = {
  KINLOG_THROTTLED: 'AWS asked to slow down',
  KINLOG_STREAM_NOT_FOUND: 'AWS knows no such stream',
  KINLOG_KMS_REFUSED: 'AWS could not use the encryption key',
  KINLOG_STREAM_RECREATED: 'AWS says that the position came from another stream of this name',
  KINLOG_POSITION_REFUSED: 'AWS refused the position',
  KINLOG_REQUEST_REFUSED: 'AWS refused the request',
  KINLOG_SERVICE_UNAVAILABLE: 'no usable answer',
  KINLOG_CONFIG_INVALID: 'no usable region or endpoint',
};

function sentence(code: ErrorCode, foreign: Foreign, call: AwsCall): string {
  const place = `${call.operation} on ${call.resource}${call.region === undefined ? '' : ` in ${call.region}`}`;
  if (code === 'KINLOG_CREDENTIALS_MISSING')
    return `${place}: no usable AWS credentials${chainMessage(foreign.message)}`;
  if (code === 'KINLOG_CREDENTIALS_REFUSED') return `${place}: AWS did not accept the credentials (${foreign.name})`;
  if (code === 'KINLOG_PERMISSION_REFUSED') {
    const { action, resource } = refusedAction(foreign, call);
    return `${place}: this identity is not allowed ${action} on ${resource}`;
  }
  return `${place}: ${WHAT[code] ?? 'the call failed'} (${label(foreign)})`;
}

// A signature failure quotes the whole request with its session token, and a credential process its command line: their texts never pass.
const HARMLESS_CHAIN = /^(Could not load credentials|Could not resolve credentials using profile|Profile |The SSO )/;

function chainMessage(message: string): string {
  return HARMLESS_CHAIN.test(message) ? ` (${firstLine(message)})` : '';
}

function label({ name, message, code, status }: Foreign): string {
  const text = firstLine(message);
  const kind = [name === 'Error' ? '' : name, text.includes(code) ? '' : code, status >= 300 ? `HTTP ${status}` : ''];
  return (
    [kind.filter((part) => part !== '').join(' '), text].filter((part) => part !== '').join(': ') || 'no reason given'
  );
}

function firstLine(message: string): string {
  // The SDK's HTTP handler begins its texts with its own name.
  const line = /^(?:@smithy\/\S+ - (?:\[\w+\] )?)?([^\r\n]*)/.exec(message.trim())?.[1] ?? '';
  const clean = line.replaceAll(/\b(Credential|Signature|X-Amz-Security-Token|Authorization)\s*[=:]\s*\S+/gi, '$1=…');
  return clean.length > 300 ? `${clean.slice(0, 300)}…` : clean;
}

function refusedAction({ message }: Foreign, call: AwsCall): { action: string; resource: string } {
  const named = /not authorized to perform: ([\w-]+:\w+)(?: on resource: ([^\s]+))?/.exec(message);
  return {
    action: named?.[1] ?? `${call.service ?? 'kinesis'}:${call.operation}`,
    resource: named?.[2] ?? call.resource,
  };
}

function aboutTime({ name, message }: Foreign): boolean {
  return /^Request(Expired|TimeTooSkewed|InTheFuture)$/.test(name) || /^Signature (expired|not yet)/.test(message);
}

/** An answer below 500 is the proxy's own decision, so a person must act. */
function refusedByProxy({ code, status, message }: Foreign): boolean {
  return status === PROXY_REFUSED || (code === PROXY && !/ 5\d\d\b/.test(message));
}

interface Origin {
  readonly call: AwsCall;
  readonly error: unknown;
}

function details(code: ErrorCode, foreign: Foreign, { call, error }: Origin): ErrorDetails {
  // The cause would carry the very text that the message leaves out.
  if (code === 'KINLOG_CREDENTIALS_REFUSED' && foreign.clockCorrected && aboutTime(foreign))
    return { retry: 'soon', remedy: 'Set the clock of this host; calls go on with the time of the service.' };
  if (code === 'KINLOG_CREDENTIALS_MISSING' || code === 'KINLOG_CREDENTIALS_REFUSED') return {};
  const remedy = remedyFor(code, foreign, call);
  return {
    cause: error,
    ...(CERTIFICATE.test(foreign.code) || refusedByProxy(foreign) ? { retry: 'slow' as const } : {}),
    ...(remedy === undefined ? {} : { remedy }),
  };
}

function remedyFor(code: ErrorCode, foreign: Foreign, call: AwsCall): string | undefined {
  const region = call.region ?? 'the configured region';
  if (code === 'KINLOG_STREAM_NOT_FOUND')
    return `Check the spelling of the stream (case matters), that it is in ${region}, and that the credentials are of its account.`;
  if (code === 'KINLOG_PERMISSION_REFUSED') {
    const { action, resource } = refusedAction(foreign, call);
    const allow = `Allow the IAM action ${action} on ${resource} to this identity`;
    // A trust policy refuses with the same words as a policy of the caller.
    return action.startsWith('sts:')
      ? `${allow}, and check that the trust policy of the role names this identity and the external id.`
      : `${allow}.`;
  }
  if (refusedByProxy(foreign))
    return 'Check the address of the proxy, its user and password, and that it lets this host through; hosts to reach without it belong into NO_PROXY.';
  if (code === 'KINLOG_CONFIG_INVALID')
    return 'Set the region, and check the profile and the endpoint if they are set.';
  if (CERTIFICATE.test(foreign.code))
    return 'Check the endpoint; if a proxy or a private CA signs it, name its certificate with ca (an input of Splunk: ca_file), or in AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS.';
  if (UNRESOLVED.test(foreign.code))
    return `Check that ${region} is spelled right and is the region that is meant, then endpoint and DNS.`;
  if (foreign.name === 'KMSThrottlingException')
    return 'Nothing, if it is rare. Otherwise raise the request quota of KMS.';
  return undefined;
}
