/** Options of the operator whose form is its own. */
import { describe, expect, it } from 'vitest';
import { isKinlogError } from '../../../../base/errors.ts';
import { parseCommandLine } from '../../../../cli/options.ts';
import { labelsOf } from '../../../../operator/desired/names.ts';
import { OPERATOR_SPEC } from '../../../../operator/options.ts';
import { logStream } from '../desired/scene.ts';

function podMonitorLabels(given: string): Readonly<Record<string, string>> | undefined {
  const env = { KINLOG_READER_IMAGE: 'kinlog', KINLOG_POD_MONITOR_LABELS: given };
  const line = parseCommandLine(OPERATOR_SPEC, [], env);
  if (line.kind !== 'run') throw new Error('no options');
  return line.values.podMonitorLabels;
}

const refusal = (given: string): unknown => {
  try {
    return podMonitorLabels(given);
  } catch (error) {
    return isKinlogError(error, 'KINLOG_CONFIG_INVALID') && error.message.startsWith('--pod-monitor-labels is ');
  }
};

describe('the labels of PodMonitors', () => {
  it('are names and values as Kubernetes takes them, and absent when nothing is given', () => {
    expect(podMonitorLabels('')).toBeUndefined();
    expect(podMonitorLabels('release=prometheus, monitoring.example.com/team_1=x.Y-z,empty=')).toEqual({
      release: 'prometheus',
      'monitoring.example.com/team_1': 'x.Y-z',
      empty: '',
    });
    const long = `${'a'.repeat(253)}/${'b'.repeat(63)}`;
    expect(podMonitorLabels(`${long}=${'c'.repeat(63)}`)).toEqual({ [long]: 'c'.repeat(63) });
  });

  it.each([
    ...['release', '=x', 'a=b=c', 'a=1,', 'a=1,b', '-a=1', 'a-=1', 'a b=1', 'ä=1', '/a=1', 'a/=1', 'A/b=1', 'a..b/c=1'],
    ...['a/b/c=1', 'a=-1', 'a=1.', 'a=b c', 'a=b/c', 'a=1,a=2', `${'a'.repeat(64)}=1`, `a=${'b'.repeat(64)}`],
    `${'a'.repeat(254)}/b=1`,
  ])('are refused when Kubernetes would not take %s', (given) => {
    expect(refusal(given)).toBe(true);
  });

  it.each(Object.keys(labelsOf(logStream())))('are never %s, by which the operator finds what is its own', (name) => {
    expect(refusal(`release=prometheus,${name}=x`)).toBe(true);
  });
});
