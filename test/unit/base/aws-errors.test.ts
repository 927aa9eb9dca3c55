/** The border for failures of AWS calls. */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { fromAws } from '../../../base/aws-errors.ts';
import { describeError, KinlogError, type ErrorCode, type Retry } from '../../../base/errors.ts';

const CALL = { operation: 'GetRecords', resource: 'access-logs', region: 'eu-west-1' };
const START = { ...CALL, operation: 'GetShardIterator' };

const named = (name: string, message = '', status = 400): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
const coded = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });

describe('a failure of an AWS call', () => {
  it.each<[string, ErrorCode, Retry]>([
    ['ProvisionedThroughputExceededException', 'KINLOG_THROTTLED', 'soon'],
    ['LimitExceededException', 'KINLOG_THROTTLED', 'soon'],
    ['ThrottlingException', 'KINLOG_THROTTLED', 'soon'],
    ['ExpiredIteratorException', 'KINLOG_ITERATOR_EXPIRED', 'soon'],
    ['ExpiredNextTokenException', 'KINLOG_LISTING_EXPIRED', 'soon'],
    ['InvalidArgumentException', 'KINLOG_REQUEST_REFUSED', 'never'],
    ['ValidationException', 'KINLOG_REQUEST_REFUSED', 'never'],
    ['ResourceNotFoundException', 'KINLOG_STREAM_NOT_FOUND', 'slow'],
    ['ResourceInUseException', 'KINLOG_SERVICE_UNAVAILABLE', 'soon'],
    ['AccessDeniedException', 'KINLOG_PERMISSION_REFUSED', 'slow'],
    ['KMSAccessDeniedException', 'KINLOG_KMS_REFUSED', 'slow'],
    ['KMSDisabledException', 'KINLOG_KMS_REFUSED', 'slow'],
    ['KMSInvalidStateException', 'KINLOG_KMS_REFUSED', 'slow'],
    ['KMSNotFoundException', 'KINLOG_KMS_REFUSED', 'slow'],
    ['KMSOptInRequired', 'KINLOG_KMS_REFUSED', 'slow'],
    ['KMSThrottlingException', 'KINLOG_SERVICE_UNAVAILABLE', 'soon'],
    ['ExpiredTokenException', 'KINLOG_CREDENTIALS_REFUSED', 'slow'],
    ['UnrecognizedClientException', 'KINLOG_CREDENTIALS_REFUSED', 'slow'],
    ['InvalidSignatureException', 'KINLOG_CREDENTIALS_REFUSED', 'slow'],
    ['CredentialsProviderError', 'KINLOG_CREDENTIALS_MISSING', 'slow'],
    ['InternalFailureException', 'KINLOG_SERVICE_UNAVAILABLE', 'soon'],
    ['ServiceUnavailable', 'KINLOG_SERVICE_UNAVAILABLE', 'soon'],
    ['TimeoutError', 'KINLOG_SERVICE_UNAVAILABLE', 'soon'],
    ['SyntaxError', 'KINLOG_SERVICE_UNAVAILABLE', 'soon'],
    ['BrandNewException', 'KINLOG_UNEXPECTED', 'never'],
  ])('named %s is %s, to be retried %s', (name, code, retry) => {
    expect(fromAws(named(name), CALL)).toMatchObject({ code, retry });
  });

  it.each([
    'ECONNRESET',
    'ECONNREFUSED',
    'EPIPE',
    'ETIMEDOUT',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'HPE_INVALID',
  ])('with the code %s of the network is retried soon', (code) => {
    expect(fromAws(coded(code), CALL)).toMatchObject({ code: 'KINLOG_SERVICE_UNAVAILABLE', retry: 'soon' });
  });

  it.each(['ENOTFOUND', 'EAI_AGAIN'])('of a name that does not resolve (%s) names the region in it', (code) => {
    expect(fromAws(coded(code), CALL).remedy).toMatch(/eu-west-1 is spelled right.*endpoint and DNS/);
  });

  it('of a certificate waits for somebody and names the way to trust it', () => {
    const error = fromAws(coded('SELF_SIGNED_CERT_IN_CHAIN'), CALL);
    expect(error).toMatchObject({ code: 'KINLOG_SERVICE_UNAVAILABLE', retry: 'slow' });
    expect(error.remedy).toContain('NODE_EXTRA_CA_CERTS');
  });

  it.each([
    [500, 'KINLOG_SERVICE_UNAVAILABLE'],
    [503, 'KINLOG_SERVICE_UNAVAILABLE'],
    [429, 'KINLOG_THROTTLED'],
    [418, 'KINLOG_UNEXPECTED'],
  ])('without a known name goes by its status %d', (status, code) => {
    expect(fromAws(named('Nameless', '', status), CALL).code).toBe(code);
  });

  it.each<[string, ErrorCode]>([
    ['StartingSequenceNumber 4 used in GetShardIterator on shard s is invalid.', 'KINLOG_POSITION_REFUSED'],
    ['StartingSequenceNumber 4 … is invalid because it did not come from this stream.', 'KINLOG_STREAM_RECREATED'],
    ['It encodes shardId-1, while it was used in a call to a shard with shardId-0', 'KINLOG_POSITION_REFUSED'],
    ['The timestampInMillis parameter cannot be greater than the current', 'KINLOG_POSITION_REFUSED'],
  ])('about the start of an iterator is told by its text: %s', (message, code) => {
    expect(fromAws(named('InvalidArgumentException', message), START).code).toBe(code);
  });

  it('names stream, region and what to check when the stream is not there', () => {
    const text = describeError(fromAws(named('ResourceNotFoundException', 'Stream access-logs not found'), CALL));
    expect(text).toContain('access-logs');
    expect(text).toContain('eu-west-1');
    expect(text).toMatch(/spelling.*account/);
  });

  it('names the IAM action and the resource that were refused', () => {
    const plain = fromAws(named('AccessDeniedException'), CALL);
    expect(plain.remedy).toContain('IAM action kinesis:GetRecords on access-logs');
    const text = 'User: x is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/r because';
    expect(fromAws(named('AccessDenied', text), CALL).remedy).toContain('sts:AssumeRole on arn:aws:iam::1:role/r');
  });

  it('of credentials tells expired ones from missing ones', () => {
    const expired = named('CredentialsProviderError', 'The SSO session associated with this profile has expired.');
    expect(fromAws(expired, CALL).code).toBe('KINLOG_CREDENTIALS_REFUSED');
    const none = named('CredentialsProviderError', 'Could not load credentials from any providers');
    expect(describeError(fromAws(none, CALL))).toContain('Could not load credentials from any providers');
  });

  it('never carries a session token or the command line of a credential process', () => {
    const signature = named(
      'InvalidSignatureException',
      'The request signature we calculated does not match.\n\nx-amz-security-token:SECRET-TOKEN\nhost:kinesis',
    );
    const process = named('CredentialsProviderError', 'Command failed: /usr/bin/vault --token SECRET-TOKEN');
    const other = named('BrandNewException', 'no: Authorization=SECRET-TOKEN Credential=SECRET-TOKEN/2026');
    for (const error of [signature, process]) expect(inspect(fromAws(error, CALL))).not.toContain('SECRET-TOKEN');
    expect(describeError(fromAws(other, CALL))).not.toContain('SECRET-TOKEN');
  });

  it('that is one of ours passes as it is', () => {
    const ours = new KinlogError('KINLOG_CLOSED', 'closed');
    expect(fromAws(ours, CALL)).toBe(ours);
  });

  it('may be anything at all', () => {
    fc.assert(
      fc.property(fc.anything(), (thrown) => {
        expect(fromAws(thrown, CALL)).toBeInstanceOf(KinlogError);
      }),
    );
    fc.assert(
      fc.property(
        fc.record({ name: fc.anything(), message: fc.anything(), code: fc.anything(), $metadata: fc.anything() }),
        (thrown) => {
          const error = fromAws(thrown, CALL);
          expect(error.message).not.toBe('');
          expect(describeError(error)).not.toMatch(/[\r\n]/);
        },
      ),
    );
  });
});
