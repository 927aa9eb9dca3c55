/** A Splunk with the packaged app, and its set-up page in a browser, for each test of a file. */
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { APP_ID } from '../../../splunk-app/input/stored.ts';
import { splunkScene } from '../splunkd/scene.ts';
import type { SplunkHost } from '../splunkd/host.ts';
import { Chromium } from './chromium.ts';
import { SetupPage, type Visit } from './setup-page.ts';

export const KEY_ID = 'AKIAIOSFODNN7EXAMPLE';
export const SECRET_KEY = `wJalr/XUtnFEMI+K7MDENG"<secret>&'~!EXAMPLEKEY`;

export interface SetupScene {
  readonly host: SplunkHost;
  /** Where the page is now. */
  readonly setup: SetupPage;
  /** Of the simulated Kinesis. */
  readonly endpoint: string;
  /** Goes there anew, as another person with another browser. */
  visit(options: Visit): Promise<void>;
  /** What lies in the password storage. */
  stored(realm: string, name: string): string | undefined;
  put(realm: string, name: string, secret?: string): void;
}

export function setupScene(): SetupScene {
  const splunk = splunkScene();
  let chromium: Chromium | undefined;
  let host: SplunkHost;
  let setup: SetupPage;
  const visited = (options?: Visit) => SetupPage.visit(chromium!, { app: splunk.current.app, host }, options);
  beforeAll(async () => {
    chromium = await Chromium.launch();
  }, 60_000);
  afterAll(() => chromium?.close());
  beforeEach(async () => {
    host = await splunk.current.host();
    setup = await visited();
  });
  afterEach(() => setup.leave());
  return {
    get host() {
      return host;
    },
    get setup() {
      return setup;
    },
    get endpoint() {
      return splunk.current.settings()['kinesis_endpoint']!;
    },
    visit: async (options) => {
      await setup.leave();
      setup = await visited(options);
    },
    stored: (realm, name) => host.splunkd.passwords.clear(APP_ID, realm, name),
    put: (realm, name, secret = 'a secret') => host.splunkd.passwords.put(APP_ID, realm, name, secret),
  };
}

export async function addKey({ setup }: SetupScene, name: string): Promise<void> {
  await setup.press('Add access key');
  await setup.fill({ 'aws-name': name, 'aws-key-id': KEY_ID, 'aws-secret-key': SECRET_KEY });
  await setup.press('Store');
}
