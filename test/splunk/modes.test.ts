/** The packaged program in the three modes of a modular input, as far as they need no stream. */
import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildApp, itemsXml, runXml, SESSION_KEY, SplunkInput, type SplunkApp, type StartOptions } from './driver.ts';

let app: SplunkApp;
let started: SplunkInput[] = [];
beforeAll(() => {
  app = buildApp();
}, 60_000);
afterAll(() => app.dispose());
afterEach(() => {
  for (const input of started) {
    input.kill();
    expect(input.stderr).toMatch(/^((DEBUG|INFO|WARN|ERROR) [^\n]*\n)*$/);
    expect(input.stdout + input.stderr).not.toContain(SESSION_KEY);
  }
  started = [];
});

function start(options: StartOptions): SplunkInput {
  const input = new SplunkInput(app, options);
  started.push(input);
  return input;
}

const GOOD = { stream_name: 'access-logs', aws_region: 'eu-central-1' };
const message = (stdout: string) => /^<error><message>([^<>\n]+)<\/message><\/error>\n$/.exec(stdout)?.[1] ?? '';

describe('--scheme', () => {
  const scheme = readFileSync(path.join(import.meta.dirname, '../../splunk-app/scheme.xml'), 'utf8');

  it.each(['--scheme', '--SCHEME'])('answers %s with the rendered scheme and nothing else', async (argument) => {
    const input = start({ args: [argument] });
    expect(await input.ended()).toBe(0);
    expect(input.stdout).toBe(scheme);
    expect(input.stderr).toBe('');
  });

  it('needs nothing but the entry file, so that it is quick and can not fail with the rest', async () => {
    const bare = app.scratch();
    const platform = path.join(bare, path.relative(app.folder, path.dirname(app.launcher)));
    for (const folder of [platform, path.join(bare, 'bin')]) mkdirSync(folder, { recursive: true });
    for (const name of ['kinloader.cjs', 'scheme.xml'])
      copyFileSync(path.join(app.folder, 'bin', name), path.join(bare, 'bin', name));
    copyFileSync(app.launcher, path.join(platform, 'kinesis_log.sh'));
    symlinkSync(path.join(path.dirname(app.launcher), 'node'), path.join(platform, 'node'));
    const input = start({ command: [path.join(platform, 'kinesis_log.sh'), '--scheme'] });
    expect(await input.ended()).toBe(0);
    expect(input.stdout).toBe(scheme);
  });

  it('works from wherever it is called', async () => {
    const input = start({
      command: ['/bin/sh', '-c', `cd "${path.dirname(app.launcher)}" && sh kinesis_log.sh --scheme`],
    });
    expect(await input.ended()).toBe(0);
    expect(input.stdout).toBe(scheme);
  });
});

describe('--validate-arguments', () => {
  it('accepts a good stanza in silence while stdin stays open', async () => {
    const input = start({ args: ['--validate-arguments'], xml: itemsXml(GOOD) });
    expect(await input.ended()).toBe(0);
    expect([input.stdout, input.stderr]).toEqual(['', '']);
  });

  it.each([
    ['a stream without a region', { stream_name: 's' }, 'aws_region is missing'],
    ['an unknown option', { ...GOOD, initial_postion: 'LATEST' }, 'initial_postion is not an option'],
    ['a malformed value', { ...GOOD, idle_ms: '-1' }, 'idle_ms is "-1" but must be a whole number'],
  ])('refuses %s in one line', async (_, params, fault) => {
    const input = start({ args: ['--validate-arguments'], xml: itemsXml(params) });
    expect(await input.ended()).toBe(1);
    expect(message(input.stdout)).toContain(fault);
    expect(message(input.stdout)).toContain('KINLOG_CONFIG_INVALID');
  });

  it('tells all faults at once', async () => {
    const params = { stream_name: '', aws_region: 'Mars', initial_position: 'tomorrow', log_level: 'all', extra: 'x' };
    const input = start({ args: ['--validate-arguments'], xml: itemsXml(params) });
    expect(await input.ended()).toBe(1);
    for (const name of ['stream_name', 'aws_region', 'initial_position', 'log_level', 'extra'])
      expect(message(input.stdout)).toMatch(new RegExp(`\\b${name} is `));
  });

  it('says what is wrong with a document that it can not read', async () => {
    const input = start({ args: ['--validate-arguments'], xml: '<items><item name="a"></items>' });
    expect(await input.ended()).toBe(1);
    expect(message(input.stdout)).toContain('KINLOG_INPUT_INVALID');
  });
});

describe('run mode', () => {
  it('ends at once when no stanza is enabled', async () => {
    const input = start({ xml: runXml('/none') });
    expect(await input.ended()).toBe(0);
    expect(input.stdout).toBe('');
    expect(input.stderr).toMatch(/^INFO input\.idle: .*\n$/);
  });

  it.each([
    ['a malformed document', '<input><configuration></input>', 'KINLOG_INPUT_INVALID'],
    ['faults in a stanza', runXml('/none', { params: { stream_name: 'a b', idle_ms: 'x' } }), 'KINLOG_CONFIG_INVALID'],
  ])('with %s says so once and does not end at once, since splunkd would start it again', async (_, xml, code) => {
    const input = start({ xml });
    await input.until(() => input.stderr.includes(code), 'the error line');
    // splunkd's answer to an end is an immediate start: nothing may end by itself here.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(input.exited).toBeUndefined();
    input.child.kill('SIGTERM');
    expect(await input.ended()).toBe(1);
    expect(input.stderr.match(/^ERROR/gm)).toHaveLength(1);
    expect(input.stdout).toBe('');
  });

  it('refuses an argument that it does not know', async () => {
    const input = start({ args: ['--help'] });
    expect(await input.ended()).toBe(1);
    expect(input.stderr).toMatch(/^ERROR .*KINLOG_INPUT_INVALID/);
  });
});
