/** Access logs in Apache combined format from a seed: what real servers write, the awkward lines included, each line with a running id for the tally. */

/** mulberry32 (public domain, Tommy Ettinger): small, seeded, good enough for test data. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface AccessLogOptions {
  readonly seed: number;
  readonly lines: number;
  /** Time of the first line, milliseconds since the epoch; later lines never go back. */
  readonly startMs?: number;
  /** Separates the ids of several logs in one tally. */
  readonly prefix?: string;
}

const START_MS = Date.UTC(2026, 0, 5, 7, 30);
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const METHODS = ['GET', 'GET', 'GET', 'GET', 'GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'];
const STATUS = [200, 200, 200, 200, 200, 200, 204, 301, 302, 304, 400, 403, 404, 404, 499, 500, 503];
const USERS = ['-', '-', '-', '-', '-', 'frank', 'anna.lee', 'o\\"brien', 'søren'];
const PATHS = [
  '/',
  '/index.html',
  '/cart',
  '/product/screen',
  '/static/css/site.css',
  '/images/logo%20small.png',
  '/über/straße',
  '/製品/一覧',
  '/блог/привет',
  '/emoji/🚀',
  '/a/very/long/path/that/goes/on/and/on/through/many/folders/until/it/reaches/the/document.html',
  '/search?q=<b>bold</b>&amp;x=1',
  '/q?name=\\"quoted\\"&v=1',
  '/cgi-bin/\\x16\\x03\\x01',
];
const REFERRERS = [
  '-',
  '-',
  '',
  'https://www.example.com/start?a=1&b=2',
  'https://bücher.example/',
  'http://[2001:db8::5]/x',
];
const AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  'curl/8.5.0',
  '-',
  '',
  'Probe \\"quoted\\" <agent> & co',
  'Поисковик/1.0',
];

/** Lines without their LF, in order of time; the same seed gives the same lines. */
export function* accessLog(options: AccessLogOptions): Generator<string> {
  const { seed, lines, startMs = START_MS, prefix = 'log' } = options;
  const random = seededRandom(seed);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  let ms = startMs;
  for (let n = 0; n < lines; n++) {
    ms += Math.floor(random() * 400);
    const path = pick(PATHS);
    const target = `${path}${path.includes('?') ? '&' : '?'}id=${prefix}-${n}`;
    const bytes = random() < 0.15 ? '-' : String(Math.floor(random() ** 4 * 2_000_000));
    yield (
      `${client(random)} - ${pick(USERS)} [${clfTime(ms)}] "${pick(METHODS)} ${target} HTTP/1.1" ` +
      `${pick(STATUS)} ${bytes} "${pick(REFERRERS)}" "${pick(AGENTS)}"`
    );
  }
}

/** The running id of a line, e.g. `log-17`; undefined when the text is not one of ours or lost its id. */
export function accessLogId(line: string): string | undefined {
  return /[?&]id=([\w.]+-\d+) HTTP\/1\.1"/.exec(line)?.[1];
}

function client(random: () => number): string {
  const part = (limit: number) => Math.floor(random() * limit);
  if (random() < 0.2) return `2001:db8:${part(0xffff).toString(16)}::${part(0xffff).toString(16)}`;
  if (random() < 0.02) return '::1';
  return `10.${part(256)}.${part(256)}.${part(256)}`;
}

function clfTime(ms: number): string {
  const at = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()]!}/${at.getUTCFullYear()}`;
  return `${day}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}
