/** Draws splunk-app/static/*.png from splunk-app/icons/icon.svg, in Chromium. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { Chromium } from './chromium.ts';

const app = path.join(import.meta.dirname, '../../../splunk-app');
const svg = readFileSync(path.join(app, 'icons/icon.svg'), 'utf8');

/** On dark pages the plate is lighter, so that it keeps its edge. */
const onDark = svg.replace('#0b5878', '#12779f');
const icon = (drawing: string): string => `<div style="width:36px;height:36px">${drawing}</div>`;
// Splunk Web shows the logo on a bar of the app's colour, which is dark unless an app says otherwise.
const logo = `<div style="display:flex;align-items:center;gap:7px;width:160px;height:40px;color:#fff;
  font:600 12.5px 'Open Sans';white-space:nowrap"><div style="width:30px;height:30px">${onDark}</div>Kinesis Log Loader</div>`;

const DRAWINGS = [
  ['appIcon', icon(svg), 36, 36],
  ['appIconAlt', icon(onDark), 36, 36],
  ['appLogo', logo, 160, 40],
] as const;

/** What shows, and nothing else: no chunk but these, and as small as zlib makes it. */
function packed(png: Buffer): Buffer {
  const data: Buffer[] = [];
  let header: Buffer = Buffer.alloc(0);
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const content = png.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') header = content;
    if (type === 'IDAT') data.push(content);
    at += length + 12;
  }
  const body = deflateSync(inflateSync(Buffer.concat(data)), { level: 9, memLevel: 9 });
  return Buffer.concat([
    png.subarray(0, 8),
    chunk('IHDR', header),
    chunk('IDAT', body),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, content: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, sum]);
}

const chromium = await Chromium.launch();
try {
  const context = await chromium.context();
  const page = await context.newPage();
  mkdirSync(path.join(app, 'static'), { recursive: true });
  for (const [name, drawing, width, height] of DRAWINGS)
    for (const scale of [1, 2]) {
      await page.setViewport({ width, height, deviceScaleFactor: scale });
      await page.setContent(`<body style="margin:0">${drawing}</body>`);
      const png = await page.screenshot({ omitBackground: true });
      writeFileSync(path.join(app, 'static', `${name}${scale === 2 ? '_2x' : ''}.png`), packed(Buffer.from(png)));
    }
} finally {
  await chromium.close();
}
