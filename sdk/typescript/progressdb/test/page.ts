/**
 * A page of another origin, in this process, which keeps Node's own `fetch`. Imported before what needs a page.
 */
import { Window } from 'happy-dom';

/** An origin that the profile allows. */
const page = new Window({ url: 'http://app.example/' });

const names = [
  'document',
  'navigator',
  'location',
  'sessionStorage',
  'HTMLElement',
  'HTMLIFrameElement',
  'Node',
] as const;
for (const name of names) Object.defineProperty(globalThis, name, { value: page[name], configurable: true });
Object.defineProperty(globalThis, 'window', { value: page, configurable: true });
