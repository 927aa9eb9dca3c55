/** The tables of the schema and the interfaces that controllers are written against say the same; the compiler sees whether they do. */
import { expectTypeOf, it } from 'vitest';
import type { FieldType } from '../../../../operator/crd/field.ts';
import type { spec } from '../../../../operator/crd/spec.ts';
import type { status } from '../../../../operator/crd/status.ts';
import type { LogStreamSpec, LogStreamStatus } from '../../../../operator/logstream.ts';

/** However it was put together. */
type Plain<T> = T extends readonly (infer Item)[]
  ? readonly Plain<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: Plain<T[K]> }
    : T;
type Of<F> = F extends FieldType<infer T> ? Plain<T> : never;

it('the schema is that of the interface LogStream', () => {
  expectTypeOf<Of<typeof spec>>().toEqualTypeOf<Plain<LogStreamSpec>>();
  expectTypeOf<Of<typeof status>>().toEqualTypeOf<Plain<LogStreamStatus>>();
});
