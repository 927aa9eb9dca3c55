/** First file of the package without a runtime. The Node that runs it may be of any age, so it imports nothing and is built for old ones. */

/** Replaced by the bundler with `engines` of package.json. */
declare const NEEDED_NODE: readonly [major: number, minor: number];
/** With interval 0 splunkd starts a run again the moment it ends. */
const RETRY_MS = 30_000;

const found = process.versions.node.split('.');
const major = Number(found[0]);
const minor = Number(found[1]);
if (major > NEEDED_NODE[0] || (major === NEEDED_NODE[0] && minor >= NEEDED_NODE[1])) {
  // By its path, so that the bundler leaves it a file of its own: an old Node could not even parse it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- how old Nodes load a file
  require(`${__dirname}/kinloader.cjs`);
} else {
  process.stderr.write(
    `ERROR kinloader: ${process.execPath} is Node.js ${process.versions.node}, and this package needs ${NEEDED_NODE.join('.')} or later: name one with KINLOG_NODE in splunk-launch.conf, or install a package with a runtime inside\n`,
  );
  process.exitCode = 1;
  if (process.argv.length === 2) setTimeout(() => undefined, RETRY_MS);
}
