/**
 * Waiting that can be given up.
 */

/** Resolves after `ms`, or as soon as one of the signals is aborted; never rejects. */
export function pause(ms: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    for (const signal of signals) {
      if (signal?.aborted) return done();
      signal?.addEventListener('abort', done);
    }
  });
}

/** Calls `then` when the signal is aborted, at once if it is already; gives back how to stop listening. */
export function onAbort(signal: AbortSignal | undefined, then: () => void): () => void {
  if (signal === undefined) return () => {};
  if (signal.aborted) {
    then();
    return () => {};
  }
  signal.addEventListener('abort', then);
  return () => signal.removeEventListener('abort', then);
}

/** A promise, and how to settle it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

export function deferred<T>(): Deferred<T> {
  let settle = {} as Omit<Deferred<T>, 'promise'>;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...settle };
}
