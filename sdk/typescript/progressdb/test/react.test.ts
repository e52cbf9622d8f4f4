import './page.ts';

import { act, cleanup, configure, renderHook, waitFor } from '@testing-library/react';
import { createElement, type ReactNode, StrictMode } from 'react';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Running } from '../../../../test/support/process.ts';
import { type BackendClient, ProgressDB, ProgressDBClient, type UserSignature } from '../src/index.ts';
import Provider, {
  type ProgressDBProviderProps,
  useMessage,
  useMessages,
  useProgressClient,
  useReactions,
  useThreads,
  useUserSignature,
} from '../src/react.ts';
import { KEYS, profileServer } from './profile.ts';
import { failure } from './support.ts';

configure({ asyncUtilTimeout: 20_000 });

let server: Running;
let db: BackendClient;
let ana: UserSignature;
let ben: UserSignature;
let threads = 0;
/** A thread of ana and ben with one message of ana. */
let thread: string;
let first: string;

beforeAll(async () => {
  server = await profileServer();
  db = ProgressDB({ baseUrl: server.base, apiKey: KEYS.backend });
  [ana, ben] = await Promise.all([db.signUser('ana'), db.signUser('ben')]);
});
beforeEach(async () => {
  thread = `t${++threads}`;
  first = (await db.createMessage({ thread, body: 'first' }, 'ana')).id;
});
afterEach(() => {
  cleanup();
  sessionStorage.clear();
});
afterAll(() => server.stop());

type Props = Omit<ProgressDBProviderProps, 'getUserSignature' | 'children'> & {
  getUserSignature?: ProgressDBProviderProps['getUserSignature'];
};

/** Renders a hook below a provider, in strict mode, with inline options as applications write them. */
function hook<P, R>(use: (props: P) => R, initialProps: P, props: Props = {}) {
  const current = { props };
  const wrapper = ({ children }: { children: ReactNode }) =>
    createElement(
      StrictMode,
      null,
      createElement(
        Provider,
        {
          getUserSignature: () => ana,
          ...current.props,
          options: { baseUrl: server.base, apiKey: KEYS.frontend, ...current.props.options },
        },
        children,
      ),
    );
  return { ...renderHook(use, { wrapper, initialProps }), current };
}
const bodies = (messages: readonly { body?: unknown }[] | null) => messages?.map(({ body }) => body);

describe('useMessages', () => {
  it('shows the messages of a thread, and what happens to it', async () => {
    const { result } = hook(() => useMessages(thread), undefined);
    expect(result.current).toMatchObject({ messages: null, loading: true, error: undefined });
    await waitFor(() => expect(bodies(result.current.messages)).toEqual(['first']));
    expect(result.current.loading).toBe(false);
    const second = await db.createMessage({ thread, body: 'second' }, 'ben');
    await waitFor(() => expect(bodies(result.current.messages)).toEqual(['first', 'second']));
    await db.updateThreadMessage(thread, first, { body: 'edited' }, 'ana');
    await waitFor(() => expect(bodies(result.current.messages)).toEqual(['edited', 'second']));
    await db.deleteThreadMessage(thread, first, 'ana');
    await waitFor(() => expect(bodies(result.current.messages)).toEqual(['second']));
    await db.updateThreadMessage(thread, first, { deleted: false }, 'ana');
    await waitFor(() => expect(bodies(result.current.messages)).toEqual(['edited', 'second']));
    await db.addOrUpdateReaction(thread, second.id, { id: 'ben', reaction: 'like' }, 'ben');
    await waitFor(() => expect(result.current.messages?.[1]?.reactions).toEqual({ ben: 'like' }));
  });

  it('posts, edits, deletes and lists', async () => {
    const { result } = hook(() => useMessages(thread), undefined);
    await waitFor(() => expect(result.current.messages).toHaveLength(1));
    const made = await act(() => result.current.create({ body: 'mine' }));
    expect(bodies(result.current.messages)).toEqual(['first', 'mine']);
    await act(() => result.current.update(made.id, { body: 'yours' }));
    expect(bodies(result.current.messages)).toEqual(['first', 'yours']);
    expect((await result.current.list({ limit: 1 })).messages).toMatchObject([{ body: 'yours' }]);
    await act(() => result.current.remove(made.id));
    expect(bodies(result.current.messages)).toEqual(['first']);
    expect(await failure(result.current.update('none', { body: 1 }))).toMatchObject({ status: 404 });
  });

  it('never shows the messages of another thread', async () => {
    const other = `${thread}-other`;
    await db.createMessage({ thread: other, body: 'other' }, 'ana');
    const seen: unknown[] = [];
    const use = ({ id }: { id: string | undefined }) => {
      const shown = useMessages(id);
      seen.push([id, bodies(shown.messages)]);
      return shown;
    };
    const { result, rerender } = hook(use, { id: undefined as string | undefined });
    expect(result.current).toMatchObject({ messages: null, loading: false });
    for (const id of [thread, other, thread, other]) rerender({ id });
    await waitFor(() => expect(bodies(result.current.messages)).toEqual(['other']));
    await db.createMessage({ thread, body: 'late' }, 'ana');
    await db.createMessage({ thread: other, body: 'more' }, 'ana');
    await waitFor(() => expect(bodies(result.current.messages)).toEqual(['other', 'more']));
    for (const [id, shown] of seen as [string, string[] | undefined][]) {
      if (shown !== undefined) expect([id, shown[0]]).toEqual([other, 'other']);
    }
  });

  it('tells an error, recovers by refresh, and is live after a create made the thread', async () => {
    const fresh = `${thread}-fresh`;
    const { result } = hook(() => useMessages(fresh), undefined);
    await waitFor(() => expect(result.current.error).toMatchObject({ status: 404 }));
    expect(result.current).toMatchObject({ messages: null, loading: false });
    await act(() => result.current.create({ body: 'begin' }));
    await act(() => result.current.refresh());
    expect(result.current).toMatchObject({ error: undefined, loading: false });
    expect(bodies(result.current.messages)).toEqual(['begin']);
    await db.createMessage({ thread: fresh, body: 'live' }, 'ana');
    await waitFor(() => expect(bodies(result.current.messages)).toEqual(['begin', 'live']));
  });

  it('loads anew when a dependency changes', async () => {
    let loads = 0;
    const fetch = ((url: string, init: RequestInit) => {
      if (url.includes('/v1/messages')) loads++;
      return globalThis.fetch(url, init);
    }) as typeof globalThis.fetch;
    const { result, rerender } = hook(({ dep }) => useMessages(thread, [dep]), { dep: 1 }, { options: { fetch } });
    await waitFor(() => expect(result.current.messages).toHaveLength(1));
    rerender({ dep: 1 });
    const before = loads;
    rerender({ dep: 2 });
    expect(result.current.messages).toBeNull();
    await waitFor(() => expect(result.current.messages).toHaveLength(1));
    expect(loads).toBeGreaterThan(before);
  });

  it('leaves nothing open after it is gone', async () => {
    const signals: AbortSignal[] = [];
    const fetch = ((url: string, init: RequestInit) => {
      if (init.signal && url.includes('/events')) signals.push(init.signal);
      return globalThis.fetch(url, init);
    }) as typeof globalThis.fetch;
    const use = () => [useMessages(thread), useMessage(thread, first), useReactions(thread, first)] as const;
    const { result, unmount } = hook(use, undefined, { options: { fetch } });
    await waitFor(() => expect(result.current[1].message).not.toBeNull());
    expect(signals.filter(({ aborted }) => !aborted)).toHaveLength(1); // one connection for three hooks
    unmount();
    await waitFor(() => expect(signals.filter(({ aborted }) => !aborted)).toEqual([]));
  });
});

describe('useMessage', () => {
  it('shows a message, edits it, and shows the edits of others', async () => {
    const { result } = hook(() => useMessage(thread, first), undefined);
    await waitFor(() => expect(result.current.message?.body).toBe('first'));
    await act(() => result.current.update({ body: 'second' }));
    expect(result.current.message?.body).toBe('second');
    await db.updateThreadMessage(thread, first, { body: 'third' }, 'ana');
    await waitFor(() => expect(result.current.message?.body).toBe('third'));
    await act(() => result.current.remove());
    expect(result.current.message?.deleted).toBe(true);
    await act(() => result.current.refresh());
    expect(result.current.message).toMatchObject({ id: first, deleted: true });
  });
});

describe('useReactions', () => {
  it('shows, adds and removes reactions, and shows those of others', async () => {
    const { result } = hook(() => useReactions(thread, first), undefined);
    await waitFor(() => expect(result.current.reactions).toEqual([]));
    await act(() => result.current.add({ id: 'ana', reaction: 'like' }));
    expect(result.current.reactions).toEqual([{ id: 'ana', reaction: 'like' }]);
    await db.addOrUpdateReaction(thread, first, { id: 'ben', reaction: 'sad' }, 'ben');
    await waitFor(() => expect(result.current.reactions).toHaveLength(2));
    await act(() => result.current.remove('ana'));
    expect(result.current.reactions).toEqual([{ id: 'ben', reaction: 'sad' }]);
  });
});

describe('useThreads', () => {
  it('shows, makes, changes and deletes threads', async () => {
    const { result } = hook(() => useThreads(), undefined, { getUserSignature: () => ben });
    await waitFor(() => expect(result.current.threads).toEqual([]));
    const made = await act(() => result.current.create({ title: 'One' }));
    expect(result.current.threads).toEqual([made]);
    await act(() => result.current.update(made.id, { title: 'Two' }));
    expect(result.current.threads).toMatchObject([{ title: 'Two' }]);
    await db.createThread({ title: 'Three' }, 'ben');
    await act(() => result.current.refresh());
    expect(result.current.threads).toMatchObject([{ title: 'Two' }, { title: 'Three' }]);
    await act(() => result.current.remove(made.id));
    expect(result.current.threads).toMatchObject([{ title: 'Three' }]);
  });
});

describe('the signature of the user', () => {
  const both = () => ({ user: useUserSignature(), shown: useMessages(thread), client: useProgressClient() });

  it('is waited for by every request', async () => {
    const urls: string[] = [];
    const fetch = ((url: string, init: RequestInit) => {
      urls.push(url);
      return globalThis.fetch(url, init);
    }) as typeof globalThis.fetch;
    let release: (signature: UserSignature) => void = () => undefined;
    const getUserSignature = () => new Promise<UserSignature>((resolve) => (release = resolve));
    const { result } = hook(both, undefined, { options: { fetch }, getUserSignature });
    await waitFor(() => expect(result.current.user).toMatchObject({ loaded: false, loading: true }));
    expect(urls).toEqual([]);
    await act(async () => release(ana));
    await waitFor(() => expect(bodies(result.current.shown.messages)).toEqual(['first']));
    expect(result.current.user).toMatchObject({ ...ana, loaded: true, loading: false, error: undefined });
  });

  it('is got once for all, and kept for the tab under the name of the reference', async () => {
    let asked = 0;
    const getUserSignature = async () => {
      asked++;
      return ana;
    };
    const one = hook(both, undefined, { getUserSignature });
    await waitFor(() => expect(one.result.current.shown.messages).toHaveLength(1));
    expect(asked).toBe(1);
    expect(JSON.parse(sessionStorage.getItem(`progressdb:signature:${server.base}`) ?? '')).toEqual(ana);
    cleanup();
    const two = hook(both, undefined, { getUserSignature });
    await waitFor(() => expect(two.result.current.shown.messages).toHaveLength(1));
    expect(asked).toBe(1);
  });

  it('is not kept where that is not wanted, and not used for somebody else', async () => {
    const plain = hook(both, undefined, { persistSignature: false });
    await waitFor(() => expect(plain.result.current.user.loaded).toBe(true));
    expect(sessionStorage.length).toBe(0);
    cleanup();
    sessionStorage.setItem(`progressdb:signature:${server.base}`, JSON.stringify(ana));
    const other = hook(both, undefined, { getUserSignature: () => ben, userId: 'ben' });
    await waitFor(() => expect(other.result.current.user.userId).toBe('ben'));
    sessionStorage.setItem(`progressdb:signature:${server.base}`, 'nonsense');
  });

  it('is got anew when the kept one is refused', async () => {
    sessionStorage.setItem(
      `progressdb:signature:${server.base}`,
      JSON.stringify({ ...ana, signature: 'f'.repeat(64) }),
    );
    const { result } = hook(both, undefined);
    await waitFor(() => expect(result.current.shown.messages).toHaveLength(1));
    expect(result.current.user.signature).toBe(ana.signature);
    await db.createMessage({ thread, body: 'live' }, 'ben');
    await waitFor(() => expect(bodies(result.current.shown.messages)).toEqual(['first', 'live']));
  });

  it('that cannot be had is told, and asked for again by refresh', async () => {
    let fails = true;
    const getUserSignature = async () => {
      if (fails) throw new Error('no session');
      return ana;
    };
    const { result } = hook(both, undefined, { getUserSignature });
    await waitFor(() => expect(result.current.user.error).toMatchObject({ message: 'no session' }));
    await waitFor(() => expect(result.current.shown.error).toMatchObject({ message: 'no session' }));
    fails = false;
    await act(() => result.current.user.refresh());
    expect(result.current.user).toMatchObject({ ...ana, error: undefined });
    await act(() => result.current.shown.refresh());
    expect(bodies(result.current.shown.messages)).toEqual(['first']);
  });

  it('of another user shows nothing of the user before', async () => {
    let user = ana;
    const { result } = hook(both, undefined, { getUserSignature: () => user });
    await waitFor(() => expect(result.current.shown.messages).toHaveLength(1));
    user = ben;
    await act(async () => result.current.user.clear());
    expect(result.current.shown.messages).toBeNull();
    await waitFor(() => expect(result.current.shown.error).toMatchObject({ status: 403 }));
    expect(result.current.user.userId).toBe('ben');
    expect(result.current.shown.messages).toBeNull();
  });
});

describe('the provider', () => {
  it('keeps its client over renders with inline options, and makes another one for other options', async () => {
    const clients = new Set<unknown>();
    const use = () => clients.add(useProgressClient());
    const { rerender, current } = hook(use, undefined);
    rerender();
    const before = clients.size;
    for (let at = 0; at < 3; at++) rerender();
    expect(clients.size).toBe(before);
    current.props = { options: { timeoutMs: 5000 } };
    rerender();
    expect(clients.size).toBeGreaterThan(before);
  });

  it('is missed by hooks that have none', () => {
    expect(() => renderHook(() => useThreads())).toThrow(/ProgressDBProvider/);
  });
});

describe('from a page of another origin', () => {
  /** Headers of the last request. */
  let sent: Record<string, string> = {};
  /** What a browser does: asks first, and sends only what it was allowed to. */
  const fetch = (async (url: string, init: RequestInit) => {
    const origin = location.origin;
    const asked = await globalThis.fetch(url, { method: 'OPTIONS', headers: { origin } });
    const allowed = `accept,${asked.headers.get('access-control-allow-headers')}`.toLowerCase().split(',');
    const methods = asked.headers.get('access-control-allow-methods')?.split(',');
    const fits =
      methods?.includes(init.method ?? '') && Object.keys(init.headers ?? {}).every((n) => allowed.includes(n));
    if (asked.headers.get('access-control-allow-origin') !== origin || !fits) throw new TypeError('Failed to fetch');
    sent = { ...(init.headers as Record<string, string>), origin };
    return globalThis.fetch(url, { ...init, headers: sent });
  }) as typeof globalThis.fetch;

  it('everything passes the CORS rules of the server', async () => {
    const options = { baseUrl: server.base, apiKey: KEYS.frontend, getUserSignature: () => ana, fetch };
    const client = new ProgressDBClient(options);
    const made = await client.createThreadMessage(thread, { body: 'from afar' });
    expect(sent['idempotency-key']).toBeDefined();
    await client.updateThreadMessage(thread, made.id, { body: 'edited' });
    await client.addOrUpdateReaction(thread, made.id, { id: 'ana', reaction: 'like' });
    await client.deleteThreadMessage(thread, made.id);
    const events = client.threadEvents(thread, { after: 1 });
    expect((await events.next()).value?.message?.id).toBe(made.id);
    events.close();
  });
});
