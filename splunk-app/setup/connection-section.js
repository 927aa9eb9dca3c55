/** A test of the connection, made by the input itself. */
import { complete, element, field, notice, once, section } from './elements.js';
import { KINDS } from './kinds.js';
import { createInput, removeInput } from './splunkd.js';
import { namesOf, state } from './state.js';

/** Made for a test and removed after it. */
export const TEST_INPUT = 'kinloader_connection_test';

/** What the input says to whoever wants to save it nevertheless. Nobody does here. */
const SAVING = / \(KINLOG_CONFIG_INVALID\)\. To save the input all the same, .*$/;

function chooser(kind, none) {
  const box = element('select', {});
  state.listeners.push(() => {
    const chosen = box.value;
    const options = namesOf(kind).map((name) => element('option', { value: name }, name));
    box.replaceChildren(element('option', { value: '' }, none), ...options);
    box.value = namesOf(kind).includes(chosen) ? chosen : '';
  });
  return box;
}

/** By the options that they become. */
function testFields() {
  const [aws, hec, proxy] = KINDS;
  const none = 'None: role, environment or files of the host';
  const needed = (text) => (text === '' ? 'Type the name or the ARN of a stream.' : '');
  const pem = '/opt/splunk/etc/auth/mine/ca.pem';
  const hecUrl = 'https://collector.example.com:8088';
  return {
    stream_name: field({ id: 'test-stream', label: 'Stream', example: 'access-logs, or an ARN', check: needed }),
    aws_region: field({
      id: 'test-region',
      label: 'AWS region',
      example: 'eu-central-1',
      help: 'Not needed for an ARN.',
    }),
    aws_credential: field({ id: 'test-credential', label: 'Access key', control: chooser(aws, none) }),
    aws_role_arn: field({ id: 'test-role', label: 'Role to assume', optional: true }),
    aws_external_id: field({ id: 'test-external-id', label: 'External ID', optional: true }),
    kinesis_endpoint: field({ id: 'test-endpoint', label: 'Kinesis endpoint', optional: true }),
    proxy: field({ id: 'test-proxy', label: 'Proxy', control: chooser(proxy, 'None') }),
    ca_file: field({ id: 'test-ca', label: 'Certificate authorities for AWS', optional: true, example: pem }),
    hec_url: field({ id: 'test-hec-url', label: 'HEC URL', optional: true, example: hecUrl }),
    hec_credential: field({ id: 'test-hec-token', label: 'HEC token', control: chooser(hec, 'None') }),
    hec_ca_file: field({ id: 'test-hec-ca', label: 'Certificate authority of HEC', optional: true, example: pem }),
  };
}

export function connectionSection() {
  const fields = testFields();
  const told = notice();
  const submit = once(async () => {
    if (!complete([fields.stream_name])) return;
    told.say('busy', 'Trying to connect. This takes up to ten seconds…');
    const values = Object.entries(fields).map(([name, one]) => [name, one.value()]);
    told.say(...(await testConnection(values.filter(([, value]) => value !== ''))));
  });
  const test = element('button', { type: 'submit', class: 'kl-button kl-primary' }, 'Test connection');
  return section(
    'test',
    'Test connection',
    'Asks the input itself to reach the stream and the HTTP Event Collector, from this host. Nothing is read and nothing is kept.',
    element(
      'form',
      { class: 'kl-form kl-columns', autocomplete: 'off', novalidate: true, 'aria-label': 'Test connection', submit },
      ...Object.values(fields).map((one) => one.row),
      element('div', { class: 'kl-actions kl-wide' }, test),
    ),
    told,
  );
}

/** Saving an input makes splunkd ask the input to check it. Should the disabled one ever run, it would find no stored position and read nothing. */
async function testConnection(values) {
  const given = Object.fromEntries(values);
  const output = given.hec_url === undefined && given.hec_credential === undefined ? 'stdout' : 'hec';
  const fixed = { name: TEST_INPUT, disabled: '1', check_connection: '1', initial_position: 'STORED', output };
  let outcome;
  try {
    await removeInput(TEST_INPUT);
    await createInput({ ...given, ...fixed });
    outcome = ['good', 'The connection works.'];
  } catch (error) {
    outcome = ['bad', error.message.replace(SAVING, '')];
  }
  try {
    await removeInput(TEST_INPUT);
  } catch (error) {
    const left = `The input ${TEST_INPUT}, made for this test and disabled, could not be removed: ${error.message}`;
    outcome = ['bad', `${outcome[1]} ${left}`];
  }
  return outcome;
}
