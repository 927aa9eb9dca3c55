/** The rows that need Java take their jars from where `make test-interop` builds them. */
import { build, missingTools } from '../test/interop/build.ts';

/** Builds what is missing; answers what the machine lacks. */
export function prepareJava(say: (text: string) => void): string | undefined {
  const missing = missingTools();
  if (missing.length > 0) return `${missing.join(', ')} missing: a JDK of version 17 or later, and Maven`;
  build(say);
  return undefined;
}
