/** Every fault that a package could have is found: a good one, broken in one way at a time. */
import { beforeAll, describe, expect, it } from 'vitest';
import { program, type Program } from '../../splunk-app/package-files.ts';
import { PACKAGES, type PackageName } from '../../splunk-app/package-platforms.ts';
import { CONF_FAULTS, UI_FAULTS } from './package-fault-cases-conf.ts';
import { ARCHIVE_FAULTS, CODE_FAULTS, type Case } from './package-fault-cases.ts';
import { packageFaults } from './package-faults.ts';
import { packageMembers, type Members } from './package-members.ts';

const NAME = 'linux-x86_64';
let parts: Program;
let good: Members;
let version: string;
let before: readonly string[];
beforeAll(async () => {
  parts = await program();
  version = parts.app.version;
  good = await packageMembers(NAME, parts);
  before = found(good);
});

describe('a package', () => {
  it.each(Object.keys(PACKAGES) as PackageName[])('for %s is without a fault', async (name) => {
    expect(packageFaults(await packageMembers(name, parts), { name, version })).toEqual([]);
  });
});

const found = (members: Members) => packageFaults(members, { name: NAME, version });

function finds(cases: readonly Case[]): void {
  it.each(cases)('%s', (_, change, fault) => {
    expect(found(change(good)).filter((one) => !before.includes(one))).toContainEqual(expect.stringMatching(fault));
  });
}

describe('the test of the package finds in the archive', () => finds(ARCHIVE_FAULTS));
describe('the test of the package finds in the configuration', () => finds(CONF_FAULTS));
describe('the test of the package finds in the pages', () => finds(UI_FAULTS));
describe('the test of the package finds in the texts', () => finds(CODE_FAULTS));
