/** Options that the commands share, above all those by which they reach the stream; loads nothing of the SDK, so that help is quick. */
import { flag, text, url, type OptionValues } from '../base/config.ts';
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
  profile: {
    type: text(),
    title: 'Profile',
    value: 'name',
    text: 'profile of the shared AWS files to take credentials and region from; $AWS_PROFILE otherwise',
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
  sessionName: {
    type: text(),
    title: 'Session name',
    value: 'name',
    text: 'name of the session of the role, as CloudTrail shows it; kinlog when absent',
  },
  webIdentityTokenFile: {
    type: text(),
    title: 'Token file',
    value: 'file',
    text: 'ask for the role with the web identity token in this file',
  },
  stsEndpointUrl: { type: url(), title: 'STS endpoint', value: 'url', text: 'ask for the role at this address' },
  ca: {
    type: text(),
    title: 'Authorities',
    value: 'file',
    text: 'PEM file of certificates to trust besides the public ones; $AWS_CA_BUNDLE otherwise',
  },
  proxy: {
    type: url(),
    title: 'Proxy',
    value: 'url',
    text: 'proxy for every call; $HTTPS_PROXY otherwise, which may hold a password. $NO_PROXY lists exceptions',
  },
} as const satisfies Record<string, CliOption<unknown>>;

/** As the options above are parsed. */
export interface ConnectionValues extends OptionValues<typeof CONNECTION> {
  readonly streamName: string;
}
