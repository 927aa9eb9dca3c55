/** Options that the commands share, above all those by which they reach the stream; loads nothing of the SDK, so that help is quick. */
import { flag, text, url } from '../base/config.ts';
import type { CliOption } from './options.ts';

const STREAM = text('the name of a stream or its ARN', /^(arn:[\w-]+:kinesis:[\w-]+:\d{12}:stream\/)?[\w.-]{1,128}$/);
const ROLE = text('the ARN of a role', /^arn:[\w-]+:iam::\d{12}:role\/.+$/);

export const streamName = (description: string): CliOption<string> & { readonly required: true } => ({
  type: STREAM,
  title: 'Stream',
  value: 'name',
  text: description,
  required: true,
  env: ['LOG_KINESIS_STREAM'],
});

export const VERBOSE = {
  type: flag(),
  title: 'Verbose',
  text: 'say on stderr what happens, and a summary at the end',
  default: 'false',
} as const satisfies CliOption<boolean>;

export const CONNECTION = {
  region: {
    type: text('an AWS region such as eu-west-1', /^[a-z0-9-]+$/),
    title: 'Region',
    value: 'region',
    text: 'AWS region; otherwise that of the ARN, $AWS_REGION or the AWS profile',
  },
  endpointUrl: { type: url(), title: 'Endpoint', value: 'url', text: 'talk to this address instead of AWS' },
  roleArn: {
    type: ROLE,
    title: 'Role',
    value: 'arn',
    text: 'assume this role; its credentials are renewed before they expire',
    env: ['LOG_KINESIS_ROLE_ARN'],
  },
  externalId: {
    type: text(),
    title: 'External id',
    value: 'id',
    text: 'external id that the trust policy of the role asks for',
  },
} as const satisfies Record<string, CliOption<unknown>>;

export interface ConnectionValues {
  readonly streamName: string;
  readonly region: string | undefined;
  readonly endpointUrl: string | undefined;
  readonly roleArn: string | undefined;
  readonly externalId: string | undefined;
}
