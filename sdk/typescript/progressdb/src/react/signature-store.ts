/**
 * The signature of the current user: got once, kept for the tab, got anew when the server refuses it.
 *
 * Invariant: of several that are asked for at the same time only the last one counts, and one that was cleared or belongs
 * to another user is never given out again.
 */
import type { GetUserSignature } from '../frontend.ts';
import type { UserSignature } from '../types.ts';

/** What is known of the signature. */
export interface SignatureState {
  readonly userId: string | undefined;
  readonly signature: string | undefined;
  readonly loaded: boolean;
  readonly loading: boolean;
  readonly error: unknown;
}

const NONE: SignatureState = {
  userId: undefined,
  signature: undefined,
  loaded: false,
  loading: false,
  error: undefined,
};

export class SignatureStore {
  /** Where signatures come from. */
  source: GetUserSignature;
  readonly #storageKey: string | undefined;
  readonly #userId: string | undefined;
  readonly #listeners = new Set<() => void>();
  #state = NONE;
  #user: string | undefined;
  #users = 0;
  #loading: Promise<UserSignature> | undefined;

  /** `storageKey`: where it is kept for the tab. `userId`: whose it has to be, if that is known. */
  constructor(source: GetUserSignature, storageKey: string | undefined, userId: string | undefined) {
    this.source = source;
    this.#storageKey = storageKey;
    this.#userId = userId;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): SignatureState => this.#state;

  /** Changes when what was shown to one user must not be shown any longer. */
  readonly users = (): number => this.#users;

  /** The signature; `refused` is one that is of no use any more. */
  readonly get = async (refused?: UserSignature): Promise<UserSignature> => {
    const known = this.#known();
    if (known !== undefined && known.signature !== refused?.signature) return known;
    return this.#loading ?? this.#load(refused);
  };

  /** Gets it anew. Never rejects: the state tells. */
  readonly refresh = async (): Promise<void> => {
    await this.#load(undefined).catch(() => undefined);
  };

  /** Forgets it; the next request asks for one. */
  readonly clear = (): void => {
    this.#loading = undefined;
    this.#keep(undefined);
    this.#users++;
    this.#user = undefined;
    this.#set(NONE);
  };

  #known(): UserSignature | undefined {
    const { userId, signature } = this.#state;
    if (userId !== undefined && signature !== undefined) return { userId, signature };
    const kept = this.#kept();
    if (kept !== undefined) this.#set({ ...kept, loaded: true, loading: false, error: undefined });
    return kept;
  }

  async #load(refused: UserSignature | undefined): Promise<UserSignature> {
    const asking = (async () => this.source(refused))();
    this.#loading = asking;
    this.#set({ ...this.#state, loading: true, error: undefined });
    try {
      const { userId, signature } = await asking;
      if (this.#loading === asking) {
        this.#keep({ userId, signature });
        this.#set({ userId, signature, loaded: true, loading: false, error: undefined });
      }
      return { userId, signature };
    } catch (error) {
      if (this.#loading === asking) this.#set({ ...NONE, error });
      throw error;
    } finally {
      if (this.#loading === asking) this.#loading = undefined;
    }
  }

  #kept(): UserSignature | undefined {
    if (this.#storageKey === undefined) return undefined;
    try {
      const { userId, signature } = JSON.parse(sessionStorage.getItem(this.#storageKey) ?? '{}') as UserSignature;
      const usable = typeof userId === 'string' && typeof signature === 'string';
      return usable && (this.#userId ?? userId) === userId ? { userId, signature } : undefined;
    } catch {
      return undefined; // no storage here, or not for this page
    }
  }

  #keep(signature: UserSignature | undefined): void {
    if (this.#storageKey === undefined) return;
    try {
      if (signature === undefined) sessionStorage.removeItem(this.#storageKey);
      else sessionStorage.setItem(this.#storageKey, JSON.stringify(signature));
    } catch {} // it is then got anew with the next page
  }

  #set(state: SignatureState): void {
    if (state.userId !== undefined) {
      if (this.#user !== undefined && this.#user !== state.userId) this.#users++;
      this.#user = state.userId;
    }
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}
