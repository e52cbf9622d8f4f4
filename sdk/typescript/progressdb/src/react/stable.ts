/**
 * Values that stay the same object for as long as they mean the same, so that inline objects do not restart anything.
 */
import { useState } from 'react';

type Members = Readonly<Record<string, unknown>>;

function same(a: Members | readonly unknown[], b: Members | readonly unknown[]): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => name in b && Object.is((a as Members)[name], (b as Members)[name]))
  );
}

/** The first of equal values, compared member by member. */
export function useStable<V extends object>(value: V): V {
  const [held, hold] = useState(value);
  if (held === value || same(held as Members, value as Members)) return held;
  hold(value);
  return value;
}
