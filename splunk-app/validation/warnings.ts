/** The warnings that AppInspect gives about a good package, each with its reason; one more or one less is a fault. */
import type { PackageName } from '../package-platforms.ts';

/** `all`: every check but what is excluded; `cloud`: those of Splunk Cloud; `private`: those of private apps, of the move to Victoria, and of the future. */
export type InspectionName = 'all' | 'cloud' | 'private';

export interface AcceptedWarning {
  readonly check: string;
  readonly message: RegExp;
  readonly inspections: readonly InspectionName[];
  /** Absent: all packages. */
  readonly packages?: readonly PackageName[];
  readonly reason: string;
}

const FOR_WINDOWS = 'the package is for Windows hosts, or for them as well';
const EVERYWHERE: readonly InspectionName[] = ['all', 'cloud', 'private'];

export const ACCEPTED_WARNINGS: readonly AcceptedWarning[] = [
  {
    check: 'check_for_modular_inputs',
    message: /^App contains modular inputs in inputs\.conf\.spec\. No action required\./,
    inspections: EVERYWHERE,
    reason: 'the app is a modular input; without its spec file only this warning would vanish',
  },
  {
    check: 'check_collections_conf',
    message: /^App contains collections\.conf\. No action required\./,
    inspections: EVERYWHERE,
    reason: 'positions can be kept in the KV store',
  },
  {
    check: 'check_for_indexer_synced_configs',
    message: /^default\/inputs\.conf will not be synced to indexers in Victoria\./,
    inspections: ['all', 'private'],
    reason: 'defaults of an input; no indexer reads them',
  },
  ...windows(['bin/kinesis_log.cmd'], 'on a Windows host it says in one line which package belongs there'),
  ...windows(['windows_x86_64/bin/kinesis_log.cmd', 'windows_x86_64/bin/node.exe'], FOR_WINDOWS, ['windows']),
  ...windows(['bin/prebuilds/win32-x64/classic-level.node'], FOR_WINDOWS, ['windows', 'slim']),
  ...['169.254.169.254', '169.254.170.2', '169.254.170.23'].map((address) => ({
    check: 'check_hostnames_and_ips',
    message: new RegExp(`^PRIVATE IP ${address.replaceAll('.', '\\.')} is found in bin/[\\w-]+\\.cjs:`),
    inspections: EVERYWHERE,
    reason: 'an address of instance or container credentials in the AWS SDK, the same in every network',
  })),
];

/** AppInspect is wary of each file that only Windows can run. */
function windows(files: readonly string[], reason: string, packages?: readonly PackageName[]): AcceptedWarning[] {
  return files.map((file) => ({
    check: 'check_that_app_contains_any_windows_specific_components',
    message: new RegExp(`^The app works for MS Windows platform because ${file.replaceAll('.', '\\.')} exists,`),
    inspections: EVERYWHERE,
    ...(packages === undefined ? {} : { packages }),
    reason,
  }));
}
