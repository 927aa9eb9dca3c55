/** Builds a Kubernetes control plane, and Helm, once, from Go modules, into a cache outside the checkout. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

const SOURCES = path.join(import.meta.dirname, 'controlplane');
/** From nothing about eight minutes on two cores that are busy. */
const BUILD_MS = 30 * 60_000;
const VERSION_PACKAGES = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'];

/** As go.mod says, such as v1.36.4. */
export function kubernetesVersion(): string {
  return /k8s\.io\/kubernetes (v1\.\d+\.\d+)/.exec(readFileSync(path.join(SOURCES, 'go.mod'), 'utf8'))![1]!;
}

/** Of the Go that is there; undefined when none is, or one that is too old for go.mod. */
function goVersion(): string | undefined {
  const { stdout, error } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', env: goEnvironment() });
  const minor = /^go1\.(\d+)/.exec(error === undefined ? stdout : '')?.[1];
  const needed = /^go 1\.(\d+)/m.exec(readFileSync(path.join(SOURCES, 'go.mod'), 'utf8'))![1]!;
  return Number(minor ?? 0) >= Number(needed) ? stdout.trim() : undefined;
}

export interface GoProgram {
  readonly name: string;
  /** Holds go.mod, go.sum and what else it is built from. */
  readonly sources: string;
  /** Of `go`, to build it as `target`. */
  readonly arguments: (target: string) => string[];
}

const CONTROL_PLANE: GoProgram = { name: 'controlplane', sources: SOURCES, arguments: buildArguments };

/** Of the version in its go.mod. */
export const HELM: GoProgram = {
  name: 'helm',
  sources: path.join(import.meta.dirname, 'helm'),
  arguments: (target) => [
    ...['build', '-trimpath', '-buildvcs=false', '-ldflags', '-s -w'],
    ...['-o', target, 'helm.sh/helm/v4/cmd/helm'],
  ],
};

/** What is missing on this machine, for a person; undefined when nothing is. */
export function missingTool(): string | undefined {
  return goVersion() === undefined ? 'Go 1.26 or later is missing' : undefined;
}

/** Named by what it is built from: whatever changes is built anew, and an old checkout finds its own. */
export function builtFile({ name: program, sources: folder, arguments: built }: GoProgram = CONTROL_PLANE): string {
  const sources = createHash('sha256').update(goVersion() ?? 'none');
  for (const name of readdirSync(folder).sort()) sources.update(name).update(readFileSync(path.join(folder, name)));
  sources.update(built('').join(' '));
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
  return path.join(cache, 'kinlog', `${program}-${sources.digest('hex').slice(0, 16)}`, program);
}

/** The only step that needs a network. Two at once do no harm: the later one throws its own away. */
export function build(say: (line: string) => void, program: GoProgram = CONTROL_PLANE): string {
  const target = builtFile(program);
  if (existsSync(target)) return target;
  const folder = path.dirname(target);
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  const what = program === CONTROL_PLANE ? `Kubernetes ${kubernetesVersion()}` : program.name;
  say(`building ${what} from Go modules: some minutes, once`);
  try {
    const options = { cwd: program.sources, stdio: ['ignore', 2, 2] as const, timeout: BUILD_MS, env: goEnvironment() };
    const { status, error } = spawnSync('go', program.arguments(path.join(draft, program.name)), {
      ...options,
      stdio: [...options.stdio],
    });
    if (error !== undefined) throw error;
    if (status !== 0) throw new Error(`go build ended with ${status ?? 'a signal'}`);
    if (!existsSync(folder)) renameSync(draft, folder);
    return target;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Both version packages are set: kubectl can not parse the server's version otherwise. */
function buildArguments(target: string): string[] {
  const version = kubernetesVersion();
  const minor = version.split('.')[1]!;
  const facts = [`gitVersion=${version}`, 'gitMajor=1', `gitMinor=${minor}`, 'gitTreeState=clean'];
  const flags = VERSION_PACKAGES.flatMap((name) => facts.map((fact) => `-X ${name}.${fact}`));
  const linker = ['-s', '-w', ...flags].join(' ');
  return ['build', '-trimpath', '-buildvcs=false', '-tags=grpcnotrace', '-ldflags', linker, '-o', target, '.'];
}

function goEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly' };
}
