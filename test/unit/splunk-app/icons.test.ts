/** The pictures of the app: every size that Splunk Web asks for, and nothing in them that does not show. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const folder = path.join(import.meta.dirname, '../../../splunk-app/static');
const SIZES = {
  'appIcon.png': [36, 36],
  'appIcon_2x.png': [72, 72],
  'appIconAlt.png': [36, 36],
  'appIconAlt_2x.png': [72, 72],
  'appLogo.png': [160, 40],
  'appLogo_2x.png': [320, 80],
};

it('there is a picture of every kind and no other file', () => {
  expect(readdirSync(folder).sort()).toEqual(Object.keys(SIZES).sort());
});

it.each(Object.entries(SIZES))('%s has its size, keeps what lies behind it, and is small', (name, size) => {
  const png = readFileSync(path.join(folder, name));
  const chunks: string[] = [];
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12)
    chunks.push(png.toString('latin1', at + 4, at + 8));
  expect(chunks).toEqual(['IHDR', 'IDAT', 'IEND']);
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual(size);
  // Eight bits each of red, green, blue and opacity.
  expect([...png.subarray(24, 26)]).toEqual([8, 6]);
  expect(png.length).toBeLessThan(5000);
});
