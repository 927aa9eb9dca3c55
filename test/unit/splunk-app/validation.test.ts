/** What is made of the answers of AppInspect and ksconf, and what is said when their Python is missing. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { INSPECTIONS, judgeInspection } from '../../../splunk-app/validation/appinspect.ts';
import { judgeConfFiles } from '../../../splunk-app/validation/conf-files.ts';
import { pythonTools } from '../../../splunk-app/validation/environment.ts';
import { showVerdict } from '../../../splunk-app/validation/verdict.ts';
import { ACCEPTED_WARNINGS } from '../../../splunk-app/validation/warnings.ts';

const cloud = INSPECTIONS.find(({ name }) => name === 'cloud')!;
const ONLY_WARNINGS = 103;

interface Check {
  name: string;
  result: string;
  messages: { result: string; message: string }[];
}

const check = (name: string, result: string, ...messages: string[]): Check => ({
  name,
  result,
  messages: messages.map((message) => ({ result, message })),
});

/** As AppInspect 4.3.1 words them. */
const warnings = (): Check[] => [
  check(
    'check_for_modular_inputs',
    'warning',
    'App contains modular inputs in inputs.conf.spec. No action required. File: README/inputs.conf.spec',
  ),
  check(
    'check_collections_conf',
    'warning',
    'App contains collections.conf. No action required. File: default/collections.conf',
  ),
  check(
    'check_that_app_contains_any_windows_specific_components',
    'warning',
    'The app works for MS Windows platform because bin/kinesis_log.cmd exists, which is DOS batch file, ASCII text, with CRLF line terminators. It is only valid at MS Windows platform. File: bin/kinesis_log.cmd',
  ),
  check(
    'check_hostnames_and_ips',
    'warning',
    'PRIVATE IP 169.254.169.254 is found in bin/input.cjs:21 File: bin/input.cjs Line Number: 21',
    'PRIVATE IP 169.254.170.2 is found in bin/input.cjs:44 File: bin/input.cjs Line Number: 44',
    'PRIVATE IP 169.254.170.23 is found in bin/input.cjs:47 File: bin/input.cjs Line Number: 47',
  ),
];

function report(...checks: Check[]): { reports: { groups: { checks: Check[] }[] }[] } {
  const others = Array.from({ length: cloud.checks - checks.length }, (_, k) => check(`check_${k}`, 'success'));
  return { reports: [{ groups: [{ checks: others }, { checks }] }] };
}
const faultsOf = (given: unknown, status: number | 'ended' = ONLY_WARNINGS) =>
  judgeInspection(cloud, 'linux-x86_64', given, status === 'ended' ? undefined : status).faults;

describe('a report of AppInspect', () => {
  it('with the known warnings, and nothing else, is good', () => {
    expect(faultsOf(report(...warnings()))).toEqual([]);
  });

  it.each(['failure', 'error', 'future_failure', 'skipped', 'manual_check', 'a kind of tomorrow'])(
    'with a result of the kind %s is not, and the check is named with its message',
    (result) => {
      const bad = check('check_for_bin_files', result, 'file x has the execute bit');
      expect(faultsOf(report(...warnings(), bad))).toEqual([
        `${result}: check_for_bin_files: file x has the execute bit`,
      ]);
      expect(faultsOf(report(...warnings(), { ...bad, messages: [] }))).toEqual([
        `${result}: check_for_bin_files: without a message`,
      ]);
    },
  );

  it('with a warning that nobody knows is not', () => {
    const other = check('check_for_splunk_js', 'warning', 'Embed all your app in your own code');
    expect(faultsOf(report(...warnings(), other))).toEqual([
      'warning: check_for_splunk_js: Embed all your app in your own code',
    ]);
  });

  it('with one more warning of a known check is not', () => {
    const given = warnings();
    given[3]!.messages.push({ result: 'warning', message: 'PRIVATE IP 10.1.2.3 is found in bin/input.cjs:3' });
    expect(faultsOf(report(...given))).toEqual([
      'warning: check_hostnames_and_ips: PRIVATE IP 10.1.2.3 is found in bin/input.cjs:3',
    ]);
  });

  it('is as bad without a known warning as with a new one', () => {
    for (const [k, { name }] of warnings().entries()) {
      const lost = faultsOf(report(...warnings().filter((_, other) => other !== k)));
      expect(lost).not.toEqual([]);
      for (const fault of lost) expect(fault).toContain(`a known warning is gone: ${name}: `);
    }
  });

  it('of a package for Windows has warnings that no other may have', () => {
    const given = warnings();
    const files = [
      'windows_x86_64/bin/kinesis_log.cmd',
      'windows_x86_64/bin/node.exe',
      'bin/prebuilds/win32-x64/classic-level.node',
    ];
    for (const file of files)
      given[2]!.messages.push({
        result: 'warning',
        message: `The app works for MS Windows platform because ${file} exists, which is PE32+`,
      });
    expect(judgeInspection(cloud, 'windows', report(...given), ONLY_WARNINGS).faults).toEqual([]);
    expect(faultsOf(report(...given))).toHaveLength(files.length);
    expect(judgeInspection(cloud, 'slim', report(...warnings()), ONLY_WARNINGS).faults).toEqual([
      expect.stringContaining('a known warning is gone'),
    ]);
  });

  it('is bad when fewer checks ran than there are, when its exit status tells of something else, and when it is none', () => {
    const few = report(...warnings());
    few.reports[0]!.groups[0]!.checks.pop();
    expect(faultsOf(few)).toEqual([`only ${cloud.checks - 1} checks ran, not ${cloud.checks}`]);
    expect(faultsOf(report(...warnings()), 0)).toEqual(['its exit status is 0, not 103']);
    expect(faultsOf(report(...warnings()), 'ended')).toEqual(['its exit status is undefined, not 103']);
    expect(faultsOf('no report')).toHaveLength(1);
    expect(faultsOf({ reports: [] })).toHaveLength(1);
  });
});

describe('the list of known warnings', () => {
  it('has a reason and an inspection for each', () => {
    for (const { reason, inspections } of ACCEPTED_WARNINGS) {
      expect(reason).not.toBe('');
      expect(inspections).not.toEqual([]);
    }
  });
});

describe('an answer of ksconf', () => {
  const good = {
    status: 0,
    stdout: 'Successfully parsed a.conf\nSuccessfully parsed b.conf\n',
    stderr: '',
    failure: '',
  };
  const files = ['a.conf', 'b.conf'];

  it('about every file is good', () => {
    expect(judgeConfFiles(files, good).faults).toEqual([]);
  });

  it('that says less, something else, or nothing is not', () => {
    const duplicate = "Error in file b.conf:  Stanza [a] has duplicate key 'x' in file b.conf";
    const one = { ...good, stdout: 'Successfully parsed a.conf\n' };
    expect(judgeConfFiles(files, { ...one, status: 20, stderr: `${duplicate}\n` }).faults).toEqual([
      duplicate,
      'b.conf was not found to be right',
      'its exit status is 20',
    ]);
    // It passes over a missing file with status 0.
    expect(judgeConfFiles(files, one).faults).toEqual(['b.conf was not found to be right']);
    expect(judgeConfFiles([], good).faults).toEqual(['there is no conf file']);
    expect(
      judgeConfFiles(['a.conf'], { ...one, status: undefined, failure: 'it was ended after 120 s' }).faults,
    ).toEqual(['it was ended after 120 s']);
  });
});

describe('a verdict', () => {
  it('is one line when all is well, and otherwise names every fault and what to do', () => {
    const verdict = { tool: 'T', found: '3 files', faults: [], remedy: 'Mend them.' };
    expect(showVerdict(verdict)).toBe('T: 3 files: no fault\n');
    expect(showVerdict({ ...verdict, faults: ['a', 'b'] })).toBe('T: 3 files: 2 at fault\n  a\n  b\n  Mend them.\n');
  });
});

describe('a Python that can not be used', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kinlog-python-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const python = (name: string, script: string) => {
    const file = path.join(folder, name);
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    return file;
  };

  it('is named with what to install', async () => {
    await expect(pythonTools(path.join(folder, 'none'))).rejects.toThrow(
      /with venv is not there: install Python 3\.11/,
    );
    const old = python('old', "echo 'x86_64 3.8.18 (default)'");
    await expect(pythonTools(old)).rejects.toThrow(`${old} is Python 3.8: install Python 3.11`);
    const withoutVenv = python('bare', 'echo "ModuleNotFoundError: No module named \'ensurepip\'" >&2; exit 1');
    await expect(pythonTools(withoutVenv)).rejects.toThrow(/python3-venv/);
  });
});
