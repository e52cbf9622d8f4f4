import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, it } from 'vitest';
import { ProgressDBProvider, useMessages, useReactions, useThreads, useUserSignature } from '../src/react.ts';

function Page() {
  const shown = [useMessages('t'), useThreads(), useReactions('t', 'm'), useUserSignature()];
  return createElement('p', null, shown.map(({ loading }) => String(loading)).join());
}

it('on a server nothing is asked for, and everything is still loading', () => {
  const asked: unknown[] = [];
  const fetch = ((...call: unknown[]) => asked.push(call)) as unknown as typeof globalThis.fetch;
  const getUserSignature = () => {
    asked.push('signature');
    return { userId: 'ana', signature: 's' };
  };
  const page = createElement(ProgressDBProvider, { options: { fetch }, getUserSignature }, createElement(Page));
  expect(renderToString(page)).toBe('<p>true,true,true,false</p>');
  expect(asked).toEqual([]);
});
