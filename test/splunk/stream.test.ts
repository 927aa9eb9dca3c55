/** The packaged input on a living stream: what Splunk gets, and what it gets after every way to end. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeKinesis } from '../fakes/kinesis/fake.ts';
import { startSimulator, type RunningSimulator } from '../fakes/kinesis/server.ts';
import {
  buildApp,
  parseEvents,
  runXml,
  SESSION_KEY,
  SplunkInput,
  type SplunkApp,
  type StartOptions,
} from './driver.ts';
import type { Setting } from './splunkd/documents.ts';

const MIB = 1024 * 1024;
let app: SplunkApp;
let fake: FakeKinesis;
let simulator: RunningSimulator;
let positions: string;
let started: SplunkInput[] = [];
/** Processes that nobody waits for. */
const orphans: number[] = [];

beforeAll(() => {
  app = buildApp();
}, 60_000);
afterAll(() => app.dispose());
beforeEach(async () => {
  fake = new FakeKinesis({ readLimits: false });
  fake.createStream('logs', 2);
  simulator = await startSimulator(fake);
  positions = path.join(app.scratch(), 'modinputs', 'kinesis_log');
});
afterEach(async () => {
  for (const input of started) input.kill();
  for (const pid of orphans.splice(0)) if (!isGone(pid)) process.kill(pid, 'SIGKILL');
  await simulator.close();
  for (const input of started) {
    expect(input.stderr).toMatch(/^((DEBUG|INFO|WARN|ERROR) [^\n]*\n)*$/);
    expect(input.document.fault).toBeUndefined();
    expect(input.stdout + input.stderr).not.toMatch(new RegExp(`${SESSION_KEY}|topsecret`));
  }
  started = [];
});

const settings = (more: Readonly<Record<string, string>> = {}): Setting => ({
  params: {
    stream_name: 'logs',
    aws_region: 'us-east-1',
    kinesis_endpoint: simulator.url,
    initial_position: 'TRIM_HORIZON',
    idle_ms: '250',
    ...more,
  },
});

function start(options: Omit<StartOptions, 'xml'> = {}, ...stanzas: Setting[]): SplunkInput {
  const input = new SplunkInput(app, {
    xml: runXml(positions, ...(stanzas.length === 0 ? [settings()] : stanzas)),
    ...options,
  });
  started.push(input);
  return input;
}

/** Puts texts and gives them back. */
function put(from: number, to: number): string[] {
  const texts = Array.from({ length: to - from }, (_, i) => `event ${from + i}`);
  for (const text of texts) fake.put('logs', { data: text, key: text });
  return texts;
}

const eventTexts = (input: SplunkInput) => parseEvents(input.stdout).events.map(({ fields }) => fields['data']!);
const arrived = (input: SplunkInput, events: number) => input.until(() => input.events >= events, `${events} events`);

describe('the input', () => {
  it('hands over every event in one well-formed document and ends it at SIGTERM', async () => {
    const texts = put(0, 50);
    fake.put('logs', { data: Buffer.from('<&> ]]> \u0000\u0001 \ud83d\ude00 \r\n \ufffe'), key: 'odd' });
    const input = start();
    await arrived(input, 51);
    const asked = performance.now();
    input.child.kill('SIGTERM');
    expect(await input.ended()).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5000);
    const { events, whole } = parseEvents(input.stdout);
    expect(whole).toBe(true);
    expect(events.map(({ fields }) => fields['data']).sort()).toEqual(
      [...texts, '<&> ]]> \ufffd\ufffd \ud83d\ude00 \r\n \ufffd'].sort(),
    );
    for (const { stanza, fields } of events) {
      expect(stanza).toBe('kinesis_log://prod');
      // What splunkd decides itself is left out: $decideOnStartup and default are not names.
      expect(Object.keys(fields)).not.toEqual(expect.arrayContaining(['host']));
      expect(fields['index']).toBeUndefined();
    }
  });

  it.each([
    ['auto', ['a\nb']],
    ['lines', ['a', 'b']],
    ['text', ['a\nb']],
  ])('takes records for what record_format %s says', async (format, expected) => {
    fake.put('logs', { data: 'a\nb\n' });
    const input = start({}, settings({ record_format: format }));
    await arrived(input, expected.length);
    expect(eventTexts(input)).toEqual(expected);
  });

  it('goes on after a stop where it was, without a duplicate', async () => {
    put(0, 30);
    const first = start();
    await arrived(first, 30);
    first.child.kill('SIGTERM');
    expect(await first.ended()).toBe(0);
    const more = put(30, 60);
    const second = start();
    await arrived(second, 30);
    second.child.kill('SIGTERM');
    expect(await second.ended()).toBe(0);
    expect(eventTexts(second).sort()).toEqual([...more].sort());
  });

  it('loses nothing when it is killed', async () => {
    const before = put(0, 40);
    const first = start();
    await arrived(first, 10);
    first.child.kill('SIGKILL');
    expect(await first.ended()).toBe('SIGKILL');
    const after = put(40, 80);
    const second = start();
    const all = () => new Set([...eventTexts(first), ...eventTexts(second)]);
    await second.until(() => second.events >= 40 && all().size === 80, 'all events');
    expect([...all()].sort()).toEqual([...before, ...after].sort());
  });

  it('reads several stanzas in one process, each with its own positions', async () => {
    fake.createStream('other', 1);
    fake.put('other', { data: 'of the other' });
    put(0, 5);
    const input = start({}, { name: 'one', ...settings() }, { name: 'two "&<', ...settings({ stream_name: 'other' }) });
    await arrived(input, 6);
    const { events } = parseEvents(input.stdout);
    expect(
      events.filter(({ stanza }) => stanza === 'kinesis_log://two "&<').map(({ fields }) => fields['data']),
    ).toEqual(['of the other']);
    expect(events.filter(({ stanza }) => stanza === 'kinesis_log://one')).toHaveLength(5);
  });

  it('waits for an older process of the same stanza that still has its positions', async () => {
    put(0, 5);
    const old = start();
    await arrived(old, 5);
    const fresh = start();
    await fresh.until(() => fake.calls.length > 0, 'a call');
    old.child.kill('SIGTERM');
    expect(await old.ended()).toBe(0);
    const more = put(5, 10);
    await arrived(fresh, 5);
    expect(eventTexts(fresh).sort()).toEqual(more);
    expect(fresh.stderr).not.toMatch(/^ERROR/m);
  });

  it('says once which stream it does not find, and does not hot-loop', async () => {
    const input = start({}, settings({ stream_name: 'nowhere' }));
    await input.until(() => input.stderr.includes('KINLOG_STREAM_NOT_FOUND'), 'the error line');
    expect(input.stderr).toContain('nowhere');
    const calls = fake.calls.length;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(input.exited).toBeUndefined();
    expect(fake.calls.length).toBeLessThanOrEqual(calls + 1);
    input.child.kill('SIGTERM');
    expect(await input.ended()).toBe(1);
    expect(input.stderr.match(/^ERROR/gm)).toHaveLength(1);
  });

  it('does not open a position directory that it can not read as an empty one', async () => {
    mkdirSync(path.join(positions, 'prod', 'LOCK'), { recursive: true });
    put(0, 5);
    const input = start();
    await input.until(() => /^ERROR .*KINLOG_CHECKPOINT_/m.test(input.stderr), 'the error line');
    expect(input.stdout).toBe('');
  });
});

describe('when nobody reads stdout', () => {
  it('fetching stops, memory stays bounded, SIGTERM ends it in time, and the next start delivers everything', async () => {
    // Sixteen shards may be read at 32 MB/s: a reader that goes on can not be overlooked.
    const backlog = 64;
    fake.settings.maxPageBytes = MIB;
    fake.createStream('wide', 16);
    for (let i = 0; i < backlog; i++) fake.put('wide', { data: `${i} ${'x'.repeat(MIB - 100)}`, key: String(i) });
    const wide = settings({ stream_name: 'wide', max_mb_in_flight: '16' });

    const stalled = start({ stdout: 'later' }, wide);
    await stalled.until(() => fetchedBytes() > 4 * MIB, 'fetching');
    await stalledFor(1500);
    expect(fetchedBytes()).toBeLessThan(48 * MIB);
    expect(stalled.residentBytes).toBeLessThan(200 * MIB);
    const asked = performance.now();
    stalled.child.kill('SIGTERM');
    expect(await stalled.ended()).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5000);

    const next = start({}, wide);
    await arrived(next, backlog);
    const ids = new Set([...next.stdout.matchAll(/<data>(\d+) x/g)].map(([, id]) => id));
    expect(ids.size).toBe(backlog);
  }, 90_000);

  const fetchedBytes = () => fake.callsOf('GetRecords').reduce((sum, call) => sum + call.bytes, 0);

  /** Settles once no byte was fetched for so long. */
  async function stalledFor(quietMs: number): Promise<void> {
    let since = performance.now();
    for (let seen = fetchedBytes(); performance.now() - since < quietMs;) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (fetchedBytes() === seen) continue;
      seen = fetchedBytes();
      since = performance.now();
    }
  }
});

describe('when splunkd is gone', () => {
  it('a closed pipe ends the input, and nothing that was not taken is skipped at the next start', async () => {
    put(0, 20);
    const first = start();
    await arrived(first, 20);
    first.closeStdout();
    const lost = put(20, 40);
    await first.until(() => first.exited !== undefined, 'the end');
    const second = start();
    await second.until(
      () => lost.every((text) => second.stdout.includes(`<data>${text}</data>`)),
      'the events after the cut',
    );
  });

  it('an orphan notices that its parent died and ends', async () => {
    put(0, 3);
    const script = 'exec 3<&0; "$0" <&3 & echo "INFO started $!" >&2; wait';
    const input = start({ command: ['/bin/sh', '-c', script, app.launcher] });
    await arrived(input, 3);
    const orphan = Number(/started (\d+)/.exec(input.stderr)![1]);
    orphans.push(orphan);
    input.child.kill('SIGKILL');
    await input.until(() => input.exited !== undefined, 'the end of the orphan');
    expect(input.stderr).toContain('input.orphaned');
    expect(parseEvents(input.stdout).whole).toBe(true);
    // Whoever adopted it may take a moment to bury it.
    await input.until(() => isGone(orphan), 'the end of the orphan');
  });
});

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
