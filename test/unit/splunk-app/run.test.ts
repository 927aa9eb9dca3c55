/** When a run of the modular input ends, how, and what it says about it. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { KinlogError } from '../../../base/errors.ts';
import { EventLog, type LogLine } from '../../../base/events.ts';
import { run, type ReadStream } from '../../../splunk-app/input/run.ts';
import { watchParent } from '../../../splunk-app/input/stop.ts';
import { FakeClock, settle } from '../../fakes/clock.ts';

const stanza = (
  name: string,
  params = '<param name="stream_name">s</param><param name="aws_region">eu-west-1</param>',
) => `<stanza name="kinesis_log://${name}">${params}</stanza>`;
const xml = (...stanzas: string[]) =>
  `<input><session_key>k3y</session_key><checkpoint_dir>/d</checkpoint_dir><configuration>${stanzas.join('')}</configuration></input>`;
const untilStopped: ReadStream = ({ signal }) =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

function start(document: string, read: ReadStream = untilStopped) {
  const lines: LogLine[] = [];
  const clock = new FakeClock();
  const stop = new AbortController();
  const stdout = new PassThrough();
  let status: number | undefined;
  const ended = run(Promise.resolve(document), { stdout, sink: (line) => lines.push(line), clock, stop, read }).then(
    (value) => (status = value),
  );
  return { lines, clock, stop, stdout, ended, status: () => status };
}

const names = (lines: readonly LogLine[]) => lines.map(({ name }) => name);

describe('a run', () => {
  it('without stanzas has nothing to do', async () => {
    const { ended, lines, stdout } = start(xml());
    expect(await ended).toBe(0);
    expect(names(lines)).toEqual(['input.idle']);
    expect(stdout.read()).toBe(null);
  });

  it('reads every stanza with its own settings and positions until it is told to stop', async () => {
    const seen: unknown[] = [];
    const { ended, stop, status } = start(
      xml(stanza('a'), stanza('b', '<param name="stream_name">t</param><param name="aws_region">eu-west-1</param>')),
      (work) => {
        seen.push([work.options.streamName, work.directory]);
        return untilStopped(work);
      },
    );
    await settle();
    expect(seen).toEqual([
      ['s', '/d/a'],
      ['t', '/d/b'],
    ]);
    expect(status()).toBeUndefined();
    stop.abort();
    expect(await ended).toBe(0);
  });

  it.each([
    ['a document that can not be read', '<input>', 'KINLOG_INPUT_INVALID'],
    ['a document to validate', '<items><item name="a"/></items>', 'KINLOG_INPUT_INVALID'],
    ['a stanza with faults', xml(stanza('a', '<param name="stream">s</param>')), 'KINLOG_CONFIG_INVALID'],
  ])('with %s says so once, waits, and fails', async (_, document, code) => {
    const { ended, clock, lines, status } = start(document);
    await clock.advance(29_000);
    expect(status()).toBeUndefined();
    await clock.advance(2000);
    expect(await ended).toBe(1);
    expect(names(lines)).toEqual(['reader.failed']);
    expect(lines[0]!.fields['error']).toContain(code);
  });

  it('that waits after a failure ends at once when it is told to stop', async () => {
    const { ended, stop } = start('<input>');
    await settle();
    stop.abort();
    expect(await ended).toBe(1);
  });

  it('that is told to stop before its document came has not failed', async () => {
    const stop = new AbortController();
    stop.abort();
    const document = Promise.reject(stop.signal.reason as Error);
    const context = { stdout: new PassThrough(), sink: () => undefined, clock: new FakeClock(), stop };
    expect(await run(document, { ...context, read: untilStopped })).toBe(0);
  });

  it('reads the good stanzas though another one is bad, and names the bad one', async () => {
    const { ended, stop, lines, clock } = start(xml(stanza('bad', ''), stanza('good')));
    await settle();
    expect(lines).toMatchObject([{ name: 'reader.failed', fields: { stanza: 'kinesis_log://bad' } }]);
    stop.abort();
    await clock.advance(0);
    expect(await ended).toBe(1);
  });

  it('fails after a wait when reading failed, and does not repeat what the reader has said', async () => {
    const { ended, clock, lines } = start(xml(stanza('a')), ({ log }) => {
      log.emit('reader.failed', { error: 'said by the reader' });
      return Promise.reject(new KinlogError('KINLOG_STREAM_DELETED', 'gone'));
    });
    await clock.advance(31_000);
    expect(await ended).toBe(1);
    expect(names(lines)).toEqual(['reader.failed']);
  });

  it('ends at once when splunkd closed the pipe: it is gone, or it starts us again', async () => {
    const { ended, stdout, stop, lines } = start(xml(stanza('a')), async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      throw new KinlogError('KINLOG_OUTPUT_CLOSED', 'closed');
    });
    await settle();
    stdout.destroy(new Error('EPIPE'));
    expect(await ended).toBe(0);
    expect(stop.signal.aborted).toBe(true);
    expect(names(lines)).toEqual(['reader.failed']);
  });

  it('logs at the level of the stanza and never the session key', async () => {
    const quiet =
      '<param name="stream_name">s</param><param name="aws_region">eu-west-1</param><param name="log_level">error</param>';
    const { ended, stop, lines } = start(xml(stanza('a', quiet)), async (work) => {
      work.log.emit('input.stopping');
      work.log.emit('shard.failed');
      await untilStopped(work);
    });
    await settle();
    stop.abort();
    await ended;
    expect(names(lines)).toEqual(['shard.failed']);
    expect(JSON.stringify(lines)).not.toContain('k3y');
  });
});

describe('the watch over the parent', () => {
  function watch() {
    const lines: string[] = [];
    const clock = new FakeClock();
    const stop = new AbortController();
    const log = new EventLog(({ name }) => lines.push(name));
    const process = { parent: 4711 };
    const ended = watchParent({ stop, log, clock, parent: () => process.parent });
    return { lines, clock, stop, process, ended };
  }

  it('stops the input when the process that started it is gone', async () => {
    const { lines, clock, stop, process, ended } = watch();
    await clock.advance(60_000);
    expect(stop.signal.aborted).toBe(false);
    process.parent = 1;
    await clock.advance(2000);
    await ended;
    expect(stop.signal.aborted).toBe(true);
    expect(lines).toEqual(['input.orphaned']);
  });

  it('ends with the input', async () => {
    const { stop, ended, clock } = watch();
    stop.abort();
    await ended;
    expect(clock.sleeping).toBe(0);
  });
});
