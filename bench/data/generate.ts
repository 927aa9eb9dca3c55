/** Log events from a seed, mixed as a web shop writes them: what the bench reads and sends. */
import { seededRandom } from '../../test/fakes/access-log.ts';

/** One event as the JSON object that Splunk's HTTP Event Collector takes. */
export interface HecEvent {
  /** Seconds since the epoch, whole milliseconds. */
  readonly time: number;
  readonly host: string;
  readonly source: string;
  readonly sourcetype: string;
  readonly index: string;
  readonly event: string | Readonly<Record<string, unknown>>;
  readonly fields?: Readonly<Record<string, string>>;
}

export const SEED = 12_345;
const START_MS = Date.UTC(2026, 10, 21, 5, 30);
const HOSTS = 30;
const PATHS = 300;
const AGENTS = 40;

const SEGMENTS = 'api v2 cart product user img search static checkout orders login items'.split(' ');
const PLATFORMS = [
  'Windows NT 10.0; Win64; x64',
  'Macintosh; Intel Mac OS X 10_15_7',
  'X11; Linux x86_64',
  'iPhone; CPU iPhone OS 17_4 like Mac OS X',
];
const LEVELS = ['INFO', 'INFO', 'INFO', 'WARN', 'ERROR', 'DEBUG'];
const MESSAGES = [
  'request completed',
  'cache miss for key <user:profile>',
  'retrying upstream call & waiting',
  'payment authorised',
  'user session "expired"',
  'slow query: SELECT * FROM orders WHERE id > 10 AND status < 3',
  'connection reset by peer',
  'scheduled job finished',
];

/** Half of them are lines in Apache combined format, a quarter application logs as JSON text, a quarter application logs as JSON objects with indexed
 *  fields; 317 bytes each on average, 480 with the object around them. More than half hold a character that XML must escape. */
export function* hecEvents(count: number, seed = SEED): Generator<HecEvent> {
  const dice = new Dice(seed);
  const shop = new Shop(dice);
  let ms = START_MS;
  for (let n = 0; n < count; n++) {
    ms += dice.below(3);
    const kind = dice.below(4);
    const place = { time: ms / 1000, host: dice.pick(shop.hosts) };
    if (kind < 2) yield { ...place, ...ACCESS, event: shop.access(ms) };
    else if (kind === 2) yield { ...place, ...APPLICATION, event: JSON.stringify(shop.application(ms)) };
    else {
      const fields = { cluster: 'prod-1', pod: `orders-${dice.hex(10)}` };
      yield { ...place, ...APPLICATION, event: shop.application(ms), fields };
    }
  }
}

const ACCESS = { source: '/var/log/apache2/access.log', sourcetype: 'access_combined', index: 'web' };
const APPLICATION = { source: '/var/log/app/app.json', sourcetype: '_json', index: 'app' };

/** Sizes of records in events, from the same seed: 100 to 500, as a sender that flushes by time makes them. */
export function* recordSizes(seed = SEED): Generator<number> {
  const dice = new Dice(seed);
  for (;;) yield 100 + dice.below(401);
}

class Dice {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  hex(digits: number): string {
    let text = '';
    while (text.length < digits) text += this.below(0x10000).toString(16).padStart(4, '0');
    return text.slice(0, digits);
  }
}

class Shop {
  readonly hosts: readonly string[];
  readonly #dice: Dice;
  readonly #paths: readonly string[];
  readonly #agents: readonly string[];

  constructor(dice: Dice) {
    const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
    this.#dice = dice;
    this.hosts = times(HOSTS, () => `ip-10-2-${dice.below(255)}-${dice.below(255)}`);
    this.#paths = times(PATHS, () => `/${times(1 + dice.below(4), () => dice.pick(SEGMENTS)).join('/')}`);
    this.#agents = times(
      AGENTS,
      () =>
        `Mozilla/5.0 (${dice.pick(PLATFORMS)}) AppleWebKit/${500 + dice.below(100)}.36 (KHTML, like Gecko) ` +
        `Chrome/${90 + dice.below(50)}.0.${dice.below(9999)}.${dice.below(200)} Safari/537.36`,
    );
  }

  access(ms: number): string {
    const { pick, below, hex } = bound(this.#dice);
    const address = `${1 + below(223)}.${below(255)}.${below(255)}.${below(255)}`;
    const user = below(5) === 0 ? `user${below(5000)}` : '-';
    const target = `${pick(this.#paths)}?id=${below(1e6)}&sid=${hex(16)}&ref=${pick(['a', 'b', 'cmp'])}`;
    const status = pick([200, 200, 200, 200, 304, 404, 500]);
    const day = new Date(ms).toISOString();
    return (
      `${address} - ${user} [${day.slice(8, 10)}/Nov/2026:${day.slice(11, 19)} +0000] ` +
      `"${pick(['GET', 'GET', 'GET', 'POST', 'PUT'])} ${target} HTTP/1.1" ${status} ${below(60_000)} ` +
      `"https://www.example.com${pick(this.#paths)}" "${pick(this.#agents)}" ${below(2000)}`
    );
  }

  application(ms: number): Record<string, unknown> {
    const { pick, below, hex } = bound(this.#dice);
    return {
      timestamp: new Date(ms).toISOString(),
      level: pick(LEVELS),
      logger: `com.example.${pick(['orders', 'billing', 'auth', 'gateway'])}.${pick(['Service', 'Handler', 'Client'])}`,
      thread: `http-nio-8080-exec-${below(64)}`,
      trace_id: hex(32),
      span_id: hex(16),
      duration_ms: below(1e5) / 100,
      user_id: below(1e7),
      msg: pick(MESSAGES),
      attrs: {
        region: pick(['us-east-1', 'eu-west-1']),
        az: pick(['a', 'b', 'c']),
        retries: below(4),
        bytes: below(1e6),
      },
    };
  }
}

function bound(dice: Dice): Pick<Dice, 'pick' | 'below' | 'hex'> {
  return {
    pick: (values) => dice.pick(values),
    below: (limit) => dice.below(limit),
    hex: (digits) => dice.hex(digits),
  };
}
