/** The set-up page of the packaged app in Chromium, on a Splunk that runs the packaged input: what a person does and sees. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { FakeSplunkWeb } from '../../fakes/splunkd/web.ts';
import type { Theme } from '../../fakes/splunkd/web-page.ts';
import type { SplunkApp } from '../driver.ts';
import type { SplunkHost } from '../splunkd/host.ts';
import type { Chromium, Page } from './chromium.ts';

const SCREENSHOTS = path.join(import.meta.dirname, '../../../.cache/screenshots');
const PATIENCE_MS = 20_000;

/** Where the page is served from, and the Splunk behind it. */
interface Place {
  readonly app: SplunkApp;
  readonly host: SplunkHost;
}

export interface Visit {
  readonly root?: string;
  readonly locale?: string;
  readonly theme?: Theme;
  readonly width?: number;
}

export class SetupPage {
  readonly page: Page;
  readonly web: FakeSplunkWeb;
  /** All that a secret could have leaked to: addresses, messages of the console, errors. */
  readonly traces: string[] = [];
  readonly #leave: () => Promise<void>;

  private constructor(page: Page, web: FakeSplunkWeb, leave: () => Promise<void>) {
    this.page = page;
    this.web = web;
    this.#leave = leave;
    page.on('console', (message) => this.traces.push(`console: ${message.text()}`));
    page.on('pageerror', (error) => this.traces.push(`error: ${String(error)}`));
    page.on('request', (request) => this.traces.push(`request: ${request.url()}`));
  }

  static async visit(chromium: Chromium, { app, host }: Place, visit: Visit = {}): Promise<SetupPage> {
    const { width = 1200, ...options } = visit;
    const web = await FakeSplunkWeb.open({ splunkd: host.splunkd, host, app: app.folder, ...options });
    const context = await chromium.context();
    const page = await context.newPage();
    const setup = new SetupPage(page, web, async () => {
      await context.close();
      await web.close();
    });
    await page.setViewport({ width, height: 900 });
    await setup.open();
    return setup;
  }

  /** Waits until the page has asked for all that it shows. */
  async open(): Promise<void> {
    await this.page.goto(this.web.enter('setup'));
    await this.until("document.getElementById('kinloader-setup')?.dataset.ready === 'true'");
  }

  leave(): Promise<void> {
    return this.#leave();
  }

  /** Of an expression in the page. */
  async until(expression: string): Promise<void> {
    try {
      await this.page.waitForFunction(expression, { timeout: PATIENCE_MS });
    } catch {
      throw new Error(`not so within ${PATIENCE_MS} ms: ${expression}; the page says\n${await this.text()}`);
    }
  }

  /** As a person reads it. */
  async text(within = '#kinloader-setup'): Promise<string> {
    return String(await this.page.evaluate(`document.querySelector(${JSON.stringify(within)})?.innerText ?? ''`));
  }

  /** A visible button, by its name as a screen reader tells it. */
  async press(name: string): Promise<void> {
    const found = await this.page.evaluate(`(() => {
      const named = (one) => one.getAttribute('aria-label') ?? one.textContent;
      const button = [...document.querySelectorAll('#kinloader-setup button')]
        .find((one) => named(one) === ${JSON.stringify(name)} && one.offsetParent !== null);
      button?.focus();
      return button !== undefined;
    })()`);
    if (found !== true) throw new Error(`there is no button ${name}; the page says\n${await this.text()}`);
    await this.page.keyboard.press('Enter');
  }

  /** Texts by the ids of fields; what stood there is replaced. */
  async fill(values: Readonly<Record<string, string>>): Promise<void> {
    for (const [id, value] of Object.entries(values)) {
      await this.page.evaluate(`document.getElementById('kl-${id}').value = ''`);
      await this.page.type(`#kl-${id}`, value);
    }
  }

  /** Until a section says it. */
  async said(text: string): Promise<void> {
    await this.until(
      `[...document.querySelectorAll('.kl-notice')].some((one) => one.textContent.includes(${JSON.stringify(text)}))`,
    );
  }

  /** What a secret must be in no part of, at this moment: the page, its fields, its address, its stores, the console, addresses asked for. */
  async everything(): Promise<string> {
    const inside = await this.page.evaluate(`JSON.stringify([
      document.documentElement.outerHTML,
      [...document.querySelectorAll('input, select')].map((one) => one.value),
      location.href, document.cookie, { ...localStorage }, { ...sessionStorage }, history.state,
    ])`);
    return [String(inside), ...this.traces].join('\n');
  }

  /** For people to look at, in .cache/screenshots/. */
  async picture(name: string): Promise<void> {
    mkdirSync(SCREENSHOTS, { recursive: true });
    await this.page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true });
  }
}
