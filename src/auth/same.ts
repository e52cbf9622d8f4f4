/**
 * Comparing secrets.
 *
 * Invariant: how long it takes depends on the lengths only, never on where two texts begin to differ.
 */

/** Whether two texts are the same. Their lengths are no secret. */
export function sameSecret(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let differs = 0;
  for (let i = 0; i < a.length; i++) differs |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return differs === 0;
}
