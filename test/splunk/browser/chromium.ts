/** A headless Chromium of one's own: that of the lock file, or what the machine has where there is none for it. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

const { dependencies } = JSON.parse(readFileSync(path.join(import.meta.dirname, 'package.json'), 'utf8')) as {
  dependencies: Readonly<Record<string, string>>;
};
export const CHROMIUM_FOLDER = path.join(
  import.meta.dirname,
  '../../../.cache/chromium',
  dependencies['@sparticuz/chromium']!,
);
/** There is one in the lock file for this platform. */
export const RUNS_HERE = process.platform === 'linux' && process.arch === 'x64';
const OF_THE_MACHINE = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The part of puppeteer's interface that is used; its types are not installed with the rest. */
export interface Page {
  goto(url: string): Promise<unknown>;
  /** Of an expression in the page. */
  evaluate(expression: string): Promise<unknown>;
  waitForFunction(expression: string, options?: { readonly timeout: number }): Promise<unknown>;
  select(selector: string, value: string): Promise<unknown>;
  type(selector: string, text: string): Promise<void>;
  /** A PNG; without `path` it is only answered. */
  screenshot(options: {
    readonly path?: string;
    readonly fullPage?: boolean;
    readonly omitBackground?: boolean;
  }): Promise<Uint8Array>;
  setContent(html: string): Promise<void>;
  setViewport(size: {
    readonly width: number;
    readonly height: number;
    readonly deviceScaleFactor?: number;
  }): Promise<void>;
  on(event: 'console', listener: (message: { text(): string }) => void): void;
  on(event: 'pageerror', listener: (error: unknown) => void): void;
  on(event: 'request', listener: (request: { url(): string }) => void): void;
  readonly keyboard: {
    press(key: string): Promise<void>;
    type(text: string): Promise<void>;
  };
}

interface Context {
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

interface Browser {
  createBrowserContext(): Promise<Context>;
  close(): Promise<void>;
}

interface Puppeteer {
  launch(options: Readonly<Record<string, unknown>>): Promise<Browser>;
}

const FLAGS = [
  // The machines of tests run it as root, and it shows only pages of this tree.
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Whatever it might want to ask for elsewhere, it finds nobody.
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
  '--no-proxy-server',
];

export class Chromium {
  readonly #browser: Browser;
  readonly #profile: string;

  private constructor(browser: Browser, profile: string) {
    this.#browser = browser;
    this.#profile = profile;
  }

  static async launch(): Promise<Chromium> {
    const { puppeteer, executablePath } = installed();
    const profile = mkdtempSync(path.join(tmpdir(), 'kinlog-chromium-'));
    const own = executablePath.startsWith(CHROMIUM_FOLDER);
    const browser = await puppeteer.launch({
      executablePath,
      // What it leaves behind when it is killed goes away with its profile.
      env: { ...process.env, TMPDIR: profile, ...(own ? ownEnvironment(profile) : {}) },
      headless: 'shell',
      userDataDir: profile,
      args: FLAGS,
      timeout: 30_000,
    });
    return new Chromium(browser, profile);
  }

  /** With cookies of its own. */
  context(): Promise<Context> {
    return this.#browser.createBrowserContext();
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 3 });
  }
}

function installed(): { readonly puppeteer: Puppeteer; readonly executablePath: string } {
  const files = [path.join(CHROMIUM_FOLDER, 'chromium'), ...OF_THE_MACHINE];
  const executablePath = files.find((file) => existsSync(file));
  const require = createRequire(import.meta.url);
  if (executablePath === undefined || !existsSync(path.join(import.meta.dirname, 'node_modules/puppeteer-core')))
    throw new Error('no Chromium to test pages with: make browser (elsewhere than on Linux x86-64 install one, too)');
  return { puppeteer: (require('puppeteer-core') as { default: Puppeteer }).default, executablePath };
}

/** Libraries and a font that a bare machine lacks. */
function ownEnvironment(profile: string): Record<string, string> {
  const fonts = path.join(profile, 'fonts.conf');
  const folders = `<dir>${path.join(CHROMIUM_FOLDER, 'fonts')}</dir><cachedir>${path.join(profile, 'fonts')}</cachedir>`;
  writeFileSync(fonts, `<?xml version="1.0"?><fontconfig>${folders}</fontconfig>`);
  return { LD_LIBRARY_PATH: path.join(CHROMIUM_FOLDER, 'al2023/lib'), FONTCONFIG_FILE: fonts };
}
