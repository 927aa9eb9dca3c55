/** `spec.outputs` and `spec.deadLetters`: where events go. Nothing in a list has a default: tools that compare lists as a whole, as Argo CD and `kubectl apply` do, would find a difference for ever. */
import { TYPES } from '../../cli/run-schema.ts';
import { volumeClaim } from './checkpoint.ts';
import { group, list, oneOf, text } from './field.ts';
import { authorities } from './source.ts';
import { address, keyOf, memberOf, needsMember, numberOf, plain, secureAddress } from './types.ts';

const acknowledgement = group(
  {
    mode: {
      type: oneOf('Required', 'None'),
      text: "Required: a position waits until Splunk's indexers have acknowledged the events; the token must have it too (useACK). None: until Splunk has taken them.",
      required: true,
    },
    timeoutSeconds: {
      type: numberOf(TYPES.ackTimeoutMs, 1000),
      text: 'After how long without an acknowledgement events are sent again; 300 when absent.',
    },
  },
  [
    {
      rule: `self.mode == 'Required' || !has(self.timeoutSeconds)`,
      message: 'timeoutSeconds is for mode Required only',
      fieldPath: '.timeoutSeconds',
      reason: 'FieldValueForbidden',
    },
  ],
);

const splunkHEC = group({
  urls: {
    type: list(secureAddress('https://splunk.example.com:8088'), { min: 1, max: 16 }),
    text: "Addresses of Splunk's HTTP Event Collector; several when they are of equal standing.",
    required: true,
  },
  tokenSecretRef: {
    type: keyOf('Secret', 'the token and nothing else'),
    text: 'Secret that holds the HEC token. When the token changes the reader is rolled over once.',
    required: true,
  },
  index: {
    type: plain('the name of an index', 255),
    text: 'Index of events that say none; that of the token when absent.',
  },
  source: { type: plain('a name', 1024), text: 'Source of events that say none.' },
  sourcetype: { type: plain('a name', 1024), text: 'Source type of events that say none.' },
  host: { type: plain('a name', 1024), text: 'Host of events that say none.' },
  acknowledgement: { type: acknowledgement, text: 'When events count as accepted; as with mode None when absent.' },
  batch: {
    type: group({
      maxBodyBytes: {
        type: numberOf(TYPES.maxBodyBytes),
        text: 'Of a post before it is compressed; 1000000 when absent.',
      },
      maxEventBytes: {
        type: numberOf(TYPES.maxEventBytes),
        text: 'A larger event is refused without being sent; 5242880 when absent, as Splunk does unless its inputs.conf says otherwise.',
      },
      maxInFlight: { type: numberOf(TYPES.maxInFlight), text: 'Posts at the same time; 6 when absent.' },
    }),
    text: 'For far endpoints, small proxies, large events.',
  },
  proxy: { type: address, text: 'Proxy on the way to Splunk, without a password.' },
  tls: { type: authorities('Splunk'), text: 'Trust in the place of the public authorities.' },
});

const output = group(
  {
    name: {
      type: text('a DNS label', { pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$', max: 63 }),
      text: 'Tells this output from others.',
      required: true,
    },
    type: {
      type: oneOf('SplunkHEC', 'Stdout'),
      text: "SplunkHEC: Splunk's HTTP Event Collector. Stdout: lines of JSON in the log of the pod, to try a stream out.",
      required: true,
    },
    splunkHEC: { type: splunkHEC, text: 'For type SplunkHEC.' },
  },
  [memberOf('type', 'SplunkHEC', 'splunkHEC'), needsMember('type', 'SplunkHEC', 'splunkHEC')],
);

export const outputs = list(output, { min: 1, max: 1, key: 'name' });

export const deadLetters = group({
  volume: { type: volumeClaim, text: 'Volume of the file; a claim of 1Gi when empty.', default: {} },
  maxMegabytes: {
    type: numberOf(TYPES.deadLettersMb),
    text: 'A file that has so many MiB takes no more, and reading stops; 100 when absent.',
  },
});
