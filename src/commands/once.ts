/**
 * Work that is done once for many receivers in a row.
 */

/**
 * `make`, remembering its last answer: an event reaches all of its readers one after the other. The argument is held
 * weakly, so that nothing outlives its owner because of this.
 */
export function once<A extends object, B>(make: (from: A) => B): (from: A) => B {
  let from: WeakRef<A> | undefined;
  let made: B;
  return (given) => {
    if (from?.deref() !== given) {
      made = make(given);
      from = new WeakRef(given);
    }
    return made;
  };
}
