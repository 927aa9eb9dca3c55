/** The stanzas: whether they are good, and whether they fit each other and the role of this host. */
import { streamId } from '../../base/stream.ts';
import { MASK } from '../input/stanza.ts';
import type { StanzaOptions } from '../input/options.ts';
import { streamRegion } from '../input/store-place.ts';
import { fault, ok, skipped, warning, type Finding } from './finding.ts';
import { clearSecrets, isTrue, settingOf, type Host, type Input } from './host.ts';

export function checkInputs(host: Host): Promise<Finding[]> {
  const { inputs, inputsConf } = host;
  const unread = inputsConf.unread.map((what) =>
    fault(`a file was not read: ${what}`, 'Run this as root or as the user of splunkd; make the file smaller.'),
  );
  if (inputs.length === 0)
    return Promise.resolve([
      ...unread,
      warning('no input is configured', 'Settings → Data inputs → Kinesis Log Processor → New.'),
    ]);
  const role = inputs.filter(isOn).flatMap((input) => roleFindings(input, host));
  return Promise.resolve([...unread, ...inputs.flatMap(inputFindings), ...sharedStreams(inputs), ...role]);
}

export const isOn = ({ disabled }: Input): boolean => !disabled;

function inputFindings(input: Input): Finding[] {
  const { name, app, fault: why, options } = input;
  const clear = clearSecrets(input).map((option) =>
    warning(
      `${name} (app ${app}) holds ${option} in clear text`,
      `The next run moves it into the password storage and leaves ${MASK}; when it stays, splunkd.log says why. Then renew the secret.`,
    ),
  );
  if (why !== undefined)
    return [fault(`${name} (app ${app}): ${why}`, 'Correct the input; it does not run like this.'), ...clear];
  if (input.disabled) return [skipped(`${name} (app ${app}) is disabled`), ...clear];
  return [ok(`${name} (app ${app}) reads ${streamOf(options!)}, positions: ${options!.checkpointStore}`), ...clear];
}

const streamOf = (options: StanzaOptions): string =>
  `${streamId(options.streamName)} in ${streamRegion(options) ?? ''}`;

function sharedStreams(inputs: readonly Input[]): Finding[] {
  const on = inputs.filter((input) => isOn(input) && input.options !== undefined);
  // Not Map.groupBy: the Node.js of a host without our runtime may be older than what it needs, which is what is to be found out.
  const streams = new Set(on.map(({ options }) => streamOf(options!)));
  return [...streams].flatMap((stream) => {
    const several = on.filter(({ options }) => streamOf(options!) === stream);
    if (several.length < 2) return [];
    const names = several.map(({ name }) => name).join(', ');
    const apart = several.some(({ options }) => options!.checkpointStore === 'local');
    return apart
      ? [
          fault(
            `${names} read the same stream, ${stream}: every event arrives as often`,
            'Disable all of them but one.',
          ),
        ]
      : [
          warning(
            `${names} read the same stream, ${stream}`,
            'They share its shards or refuse each other: one input is enough.',
          ),
        ];
  });
}

function roleFindings({ name, options }: Input, { server }: Host): Finding[] {
  const cluster = settingOf(server, 'shclustering', 'disabled');
  const inCluster = cluster !== undefined && !isTrue(cluster);
  const findings: Finding[] = [];
  if (inCluster && options?.checkpointStore === 'local')
    findings.push(
      fault(
        `${name} keeps positions on the disk of a search-head cluster member: each member delivers every event`,
        'Set checkpoint_store = kvstore, and run_on = captain when one member shall read.',
      ),
    );
  if (options?.checkpointStore === 'kvstore' && isTrue(settingOf(server, 'kvstore', 'disabled')))
    findings.push(
      fault(
        `${name} keeps positions in the KV store, which server.conf disables`,
        'Enable the KV store, or choose another checkpoint_store.',
      ),
    );
  return findings;
}
