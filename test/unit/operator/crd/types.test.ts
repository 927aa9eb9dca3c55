/** The tables of the schema and the interfaces that controllers are written against say the same; whether they do is seen by the compiler. */
import { expect, it } from 'vitest';
import type { spec } from '../../../../operator/crd/spec.ts';
import type { status } from '../../../../operator/crd/status.ts';
import type { FieldType } from '../../../../operator/crd/field.ts';
import type { LogStreamSpec, LogStreamStatus } from '../../../../operator/logstream.ts';

/** With every member required and what it was said beside it, so that none is taken for one that may be missing. */
type Plain<T> = T extends readonly (infer Item)[]
  ? { readonly items: Plain<Item> }
  : T extends object
    ? {
        readonly [K in keyof T]-?: {
          readonly is: Plain<T[K]>;
          readonly optional: Partial<Pick<T, K>> extends Pick<T, K> ? true : false;
        };
      }
    : T;
type Same<A, B> = [Plain<A>, Plain<B>] extends [Plain<B>, Plain<A>] ? true : false;
type Of<F> = F extends FieldType<infer T> ? T : never;

const SAME: {
  readonly spec: Same<Of<typeof spec>, LogStreamSpec>;
  readonly status: Same<Of<typeof status>, LogStreamStatus>;
} = {
  spec: true,
  status: true,
};

it('the schema is that of the interface LogStream', () => {
  expect(SAME).toEqual({ spec: true, status: true });
});
