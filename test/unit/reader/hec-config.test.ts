/** Options of the HEC output: every fault at once, and nothing secret in what is said. */
import { expect, it } from 'vitest';
import { silentLog } from '../../../base/events.ts';
import { openHec, type HecOptions } from '../../../reader/output/hec.ts';

const open = (options: Partial<HecOptions>) =>
  openHec({
    endpoints: ['https://splunk.example.com:8088'],
    token: () => Promise.resolve('t'),
    log: silentLog(),
    ...options,
  });

function faultOf(options: Partial<HecOptions>): string {
  try {
    open(options);
  } catch (error) {
    expect(error).toMatchObject({ code: 'KINLOG_CONFIG_INVALID' });
    return (error as Error).message;
  }
  return '';
}

it('takes what can be reached', async () => {
  for (const endpoint of ['https://s', 'http://127.0.0.1:8088', 'http://localhost:1/', 'https://[::1]:8088'])
    await open({ endpoints: [endpoint] }).close();
});

it('names every fault at once', () => {
  const message = faultOf({
    endpoints: ['splunk', 'http://splunk.example.com:8088', 'https://s:8088/services/collector'],
    ca: '/nowhere.pem',
    proxy: 'socks5://proxy:1080',
    maxBodyBytes: 7,
    maxInFlight: 0,
  });
  for (const part of ['endpoints[0]', 'endpoints[1]', 'must be https', 'endpoints[2]', 'ca:', 'proxy:'])
    expect(message).toContain(part);
  for (const part of ['maxBodyBytes: 7', 'maxInFlight: 0']) expect(message).toContain(part);
});

it.each([
  { endpoints: [] },
  { endpoints: ['https://user:hunter2@splunk:8088'] },
  { endpoints: ['user:hunter2@splunk:8088'] },
  { endpoints: ['ftp://user:hun/ter2@splunk'] },
  { proxy: 'user:hunter2@proxy' },
])('refuses %j and tells no secret', (options) => {
  const message = faultOf(options);
  expect(message).not.toBe('');
  expect(message).not.toMatch(/hunter2|hun\/|ter2/);
});
