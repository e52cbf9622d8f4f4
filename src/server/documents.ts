/**
 * Documents the server shows of itself, made from the table once at start.
 */
import { COMMANDS } from '../commands/index.ts';
import { PUSHES } from '../commands/live.ts';
import type { Endpoint } from '../faces/endpoint.ts';
import { openapi } from '../faces/openapi.ts';
import { jsonFailure } from '../faces/synap-rest.ts';
import { VERSION } from './version.ts';

/** `GET /openapi.json`. */
export function documents(): Endpoint[] {
  let text: string | undefined;
  return [
    {
      method: 'GET',
      path: '/openapi.json',
      body: 'none',
      failure: jsonFailure,
      answer: () => (text ??= JSON.stringify(openapi(COMMANDS, PUSHES, VERSION))),
    },
  ];
}
