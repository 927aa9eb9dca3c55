/** What Splunk's HTTP Event Collector refuses is told before an event has to wait for it, and is over, and told to be, as soon as it is mended. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TOKEN } from '../fakes/hec/hec.ts';
import { batchOf, HecScene, never } from './hec-scene.ts';

let scene: HecScene;

beforeEach(async () => {
  scene = await HecScene.open();
});
afterEach(() => scene.close());

/** Who refuses, and who takes events again, in the order in which it was told. */
const told = () =>
  scene.lines.flatMap(({ name, fields }) =>
    name === 'output.refused' || name === 'output.recovered' ? `${name} ${String(fields['by'])}` : [],
  );
const host = (n = 0) => new URL(scene.ports[n]!.url).host;
const token = () => scene.hec.tokens.get(TOKEN)!;
const of = (index: string, text = index) => ({ text, meta: { index } });

describe('before the first event', () => {
  it('one that is well is asked once, and then left alone', async () => {
    await scene.opened();
    await scene.until(() => scene.clock.monotonic() > 3_600_000, 600_000);
    expect(scene.port.calls.map(({ endpoint }) => endpoint)).toEqual(['health']);
    expect(scene.lines.map(({ name }) => name)).toEqual(['output.opened']);
  });

  it('a token that is refused is told, and that it is taken', async () => {
    token().disabled = true;
    scene.output();
    await scene.until(() => scene.named('output.refused').length === 1, 0);
    expect(scene.named('output.refused')[0]!.fields['error']).toMatch(/Token disabled.*HEC token/);
    expect(scene.named('output.opened')).toEqual([]);
    token().disabled = false;
    await scene.until(() => scene.named('output.opened').length === 1);
    expect(told()).toEqual([`output.refused ${host()}`, `output.recovered ${host()}`]);
    expect(scene.posts()).toBe(0);
  });

  it('a token that can not be had is told', async () => {
    let fails = true;
    scene.output({ token: () => (fails ? Promise.reject(new Error('no file')) : Promise.resolve(TOKEN)) });
    await scene.until(() => scene.named('output.refused').length === 1, 0);
    fails = false;
    await scene.until(() => scene.named('output.opened').length === 1);
    expect(told()).toHaveLength(2);
  });

  it('a certificate of nobody who is known is told', async () => {
    const { url } = await scene.hec.open({ tls: true });
    scene.output({ endpoints: [url] });
    await scene.until(() => scene.named('output.refused').length === 1, 0);
    expect(scene.named('output.refused')[0]!.fields['error']).toContain('KINLOG_TLS_UNTRUSTED');
  });

  it('one that is away is no refusal, but a stall when that lasts, until it answers', async () => {
    scene.port.faults.outage = true;
    scene.output();
    await scene.until(() => scene.named('output.stalled').length === 1);
    expect(scene.named('output.retried')).toHaveLength(1);
    expect(scene.named('output.retried')[0]!.fields['host']).toBe(host());
    scene.port.faults.outage = false;
    await scene.until(() => scene.named('output.resumed').length === 1);
    expect(scene.named('output.opened')).toHaveLength(1);
    expect(told()).toEqual([]);
  });

  it('one of several that answers is enough not to be stalled', async () => {
    await scene.close();
    scene = await HecScene.open(2);
    scene.ports[1]!.faults.outage = true;
    await scene.opened();
    await scene.until(() => scene.clock.monotonic() > 600_000, 10_000);
    expect(scene.named('output.stalled')).toEqual([]);
  });
});

describe('what a post met', () => {
  /** A token with acknowledgement refuses posts without, and says nothing of it to who asks for its health. */
  const refusedPost = async (signal = never) => {
    const output = await scene.opened();
    token().ack = true;
    const write = output.write(batchOf('a'), signal);
    await scene.until(() => scene.log.total('output_refusals') >= 3, 10_000);
    return { write };
  };

  it('is not over because its health is well', async () => {
    const { write } = await refusedPost();
    expect(told()).toEqual([`output.refused ${host()}`]);
    token().ack = false;
    await scene.settled(write, 10_000);
    expect(told()).toEqual([`output.refused ${host()}`, `output.recovered ${host()}`]);
  });

  it('is over with its health once nobody waits for it', async () => {
    const stop = new AbortController();
    const { write } = await refusedPost(stop.signal);
    stop.abort();
    await expect(write).rejects.toMatchObject({ name: 'AbortError' });
    await scene.until(() => scene.named('output.recovered').length === 1);
  });

  it('is over with its health when nobody waited for it any more', async () => {
    const output = await scene.opened();
    token().ack = true;
    scene.port.faults.holdAnswers();
    const stop = new AbortController();
    const write = output.write(batchOf('a'), stop.signal);
    await scene.until(() => scene.posts() === 1);
    stop.abort();
    await expect(write).rejects.toMatchObject({ name: 'AbortError' });
    scene.port.faults.release();
    await scene.until(() => scene.named('output.recovered').length === 1);
    expect(told()).toHaveLength(2);
  });

  it('is told apart for each endpoint, and so is its end', async () => {
    await scene.close();
    scene = await HecScene.open(2);
    token().disabled = true;
    scene.ports[1]!.faults.outage = true;
    scene.output();
    await scene.until(() => scene.log.total('output_refusals') > 5 && scene.clock.monotonic() > 200_000);
    scene.ports[1]!.faults.outage = false;
    await scene.until(() => told().includes(`output.refused ${host(1)}`));
    token().disabled = false;
    await scene.until(() => scene.named('output.recovered').length === 2);
    expect(told().slice(-2).sort()).toEqual([0, 1].map((n) => `output.recovered ${host(n)}`).sort());
  });
});

describe('an index that is not allowed', () => {
  const refused = (index: string) => `output.refused index ${index}`;
  const recovered = (index: string) => `output.recovered index ${index}`;

  it.each([false, true])('is well again with the last of its events, however many wait (ack %s)', async (ack) => {
    Object.assign(token(), { indexes: [], ack });
    const output = scene.output({ ack, maxBodyBytes: 1024 });
    const long = Array.from({ length: 9 }, (_, i) => of('web', `${i} ${'x'.repeat(300)}`));
    const writes = [output.write(batchOf(...long), never), output.write(batchOf(of('web')), never)];
    await scene.until(() => scene.log.total('output_refusals') > 5, 10_000);
    expect(new Set(told())).toEqual(new Set([refused('web')]));
    token().indexes = ['web'];
    await scene.settled(Promise.all(writes), 10_000);
    expect(told().filter((line) => line === recovered('web'))).toHaveLength(1);
    expect(told().at(-1)).toBe(recovered('web'));
  });

  it('is told apart from the next one of the same batch', async () => {
    token().indexes = [];
    const output = scene.output();
    const write = output.write(batchOf(of('one'), of('two'), of('one')), never);
    await scene.until(() => told().length === 1, 100);
    token().indexes = ['one'];
    await scene.until(() => told().length === 3);
    expect([...told()].sort()).toEqual([recovered('one'), refused('one'), refused('two')]);
    token().indexes = ['one', 'two'];
    await scene.settled(write);
    expect(told().slice(3)).toEqual([recovered('two')]);
  });

  it('concerns nobody once the last writer of its events has given up', async () => {
    token().indexes = [];
    const output = scene.output();
    const stops = [new AbortController(), new AbortController()];
    const writes = stops.map(({ signal }) => output.write(batchOf(of('web')), signal));
    await scene.until(() => scene.log.total('output_refusals') > 3, 10_000);
    stops[0]!.abort();
    await expect(writes[0]).rejects.toMatchObject({ name: 'AbortError' });
    expect(told()).toEqual([refused('web')]);
    stops[1]!.abort();
    await expect(writes[1]).rejects.toMatchObject({ name: 'AbortError' });
    expect(told()).toEqual([refused('web'), recovered('web')]);
  });
});
