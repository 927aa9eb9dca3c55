/** An input that runs on the captain of a search-head cluster only, and moves with it. */
import { describe, expect, it } from 'vitest';
import { describeError, KinlogError } from '../../../base/errors.ts';
import { EventLog } from '../../../base/events.ts';
import { whileCaptain } from '../../../splunk-app/input/captain.ts';
import { FakeClock, settle } from '../../fakes/clock.ts';

const MEMBER = ['search_head', 'shc_member'];
const CAPTAIN = ['search_head', 'shc_captain', 'shc_member'];
const AWAY = new KinlogError('KINLOG_SERVICE_UNAVAILABLE', 'away');

/** One member: what its splunkd says of it, and what happens there. */
class Member {
  roles: readonly string[] | KinlogError;
  asked = 0;
  readonly happened: string[] = [];
  readonly stop = new AbortController();
  readonly clock: FakeClock;
  readonly ended: Promise<string>;
  outcome: string | undefined;

  constructor(roles: readonly string[], { clock = new FakeClock(), work = this.#work.bind(this) } = {}) {
    this.roles = roles;
    this.clock = clock;
    const log = new EventLog(({ name }) => this.happened.push(name));
    const serverRoles = (): Promise<readonly string[]> => {
      this.asked++;
      return this.roles instanceof KinlogError ? Promise.reject(this.roles) : Promise.resolve(this.roles);
    };
    const context = { clock, log, signal: this.stop.signal };
    this.ended = whileCaptain({ serverRoles }, context, work).then(() => 'done', describeError);
    void this.ended.then((outcome) => (this.outcome = outcome));
  }

  /** Stores what it accepted for two seconds after it is told to end. */
  async #work(signal: AbortSignal): Promise<void> {
    this.happened.push('begin');
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await this.clock.sleep(2000);
    this.happened.push('stored');
  }
}

describe('an input that runs on the captain', () => {
  it('reads at once when its host is the captain, and ends with the signal when everything is stored', async () => {
    const { happened, stop, clock, ended } = new Member(CAPTAIN);
    await settle();
    expect(happened).toEqual(['captain.here', 'begin']);
    stop.abort();
    await clock.advance(2000);
    expect(await ended).toBe('done');
    expect(happened.at(-1)).toBe('stored');
    expect(clock.sleeping).toBe(0);
  });

  it('ends at once when it is told to stop at the moment in which it becomes the captain', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const log = new EventLog(() => stop.abort());
    const splunkd = { serverRoles: () => Promise.resolve(CAPTAIN) };
    const ended = whileCaptain(splunkd, { clock, log, signal: stop.signal }, async (signal) => {
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    let over = false;
    void ended.then(() => (over = true));
    await settle();
    expect(over).toBe(true);
  });

  it('waits without a word after the first while another host is the captain', async () => {
    const member = new Member(MEMBER);
    await member.clock.advance(3_600_000);
    expect(member.happened).toEqual(['captain.elsewhere']);
    // About every 15 s.
    expect(member.asked).toBeGreaterThan(180);
    expect(member.asked).toBeLessThan(310);
    member.stop.abort();
    expect(await member.ended).toBe('done');
  });

  it('moves with the captain, and back', async () => {
    const clock = new FakeClock();
    const [one, two] = [new Member(CAPTAIN, { clock }), new Member(MEMBER, { clock })];
    await clock.advance(60_000);
    [one.roles, two.roles] = [MEMBER, CAPTAIN];
    await clock.advance(20_000);
    expect(one.happened).toEqual(['captain.here', 'begin', 'stored', 'captain.elsewhere']);
    expect(two.happened).toEqual(['captain.elsewhere', 'captain.here', 'begin']);
    [one.roles, two.roles] = [CAPTAIN, MEMBER];
    await clock.advance(20_000);
    expect(one.happened.slice(4)).toEqual(['captain.here', 'begin']);
    expect(two.happened.slice(3)).toEqual(['stored', 'captain.elsewhere']);
  });

  it('does not begin again before the work of its last term has stored everything', async () => {
    const member = new Member(CAPTAIN);
    await settle();
    member.roles = MEMBER;
    await member.clock.until(() => member.clock.sleeping === 1 && member.asked > 1);
    member.roles = CAPTAIN;
    await member.clock.advance(60_000);
    expect(member.happened.join()).toContain('stored,captain.here,begin');
  });

  it('goes on reading while splunkd restarts, and stops when it stays silent for a minute', async () => {
    const member = new Member(CAPTAIN);
    await settle();
    member.roles = AWAY;
    await member.clock.advance(45_000);
    member.roles = CAPTAIN;
    await member.clock.advance(20_000);
    expect(member.happened).toEqual(['captain.here', 'begin']);
    member.roles = AWAY;
    await member.clock.advance(40_000);
    expect(member.happened).not.toContain('stored');
    await member.clock.advance(45_000);
    expect(member.happened).toEqual(['captain.here', 'begin', 'captain.unknown', 'stored', 'captain.elsewhere']);
    member.roles = CAPTAIN;
    await member.clock.advance(20_000);
    expect(member.happened.slice(5)).toEqual(['captain.here', 'begin']);
  });

  it('fails on a host that belongs to no cluster', async () => {
    const member = new Member(['heavyweight_forwarder', 'kv_store']);
    expect(await member.ended).toMatch(/run_on is captain.*KINLOG_CONFIG_INVALID.*every_host/);
  });

  it('stores, then fails, when the session ends', async () => {
    const member = new Member(CAPTAIN);
    await settle();
    member.roles = new KinlogError('KINLOG_SESSION_ENDED', 'over');
    await member.clock.until(() => member.asked === 2);
    // An error that is not known to pass is not tried away.
    member.roles = CAPTAIN;
    await member.clock.until(() => member.outcome !== undefined);
    expect(member.outcome).toContain('KINLOG_SESSION_ENDED');
    expect(member.happened).toEqual(['captain.here', 'begin', 'stored']);
    expect(member.clock.sleeping).toBe(0);
  });

  it.each([
    ['fails as its work does', () => Promise.reject(new KinlogError('KINLOG_STREAM_DELETED', 'gone')), 'gone'],
    ['ends as its work does', () => Promise.resolve(), 'done'],
  ])('%s, and asks no more', async (_, work, outcome) => {
    const member = new Member(CAPTAIN, { work });
    expect(await member.ended).toContain(outcome);
    await settle();
    expect(member.clock.sleeping).toBe(0);
  });
});
