/** The OpenAPI document shows every route that is served, and says of each what is true. */
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/commands/index.ts';
import { PUSHES } from '../../src/commands/live.ts';
import { seededIds } from '../../src/core/ids.ts';
import { duplex } from '../../src/faces/duplex.ts';
import { openapi } from '../../src/faces/openapi.ts';
import { sseEndpoints } from '../../src/faces/sse.ts';
import { commandEndpoint } from '../../src/faces/synap-command.ts';
import { restEndpoints } from '../../src/faces/synap-rest.ts';
import { conversations } from '../../src/faces/synap-socket.ts';
import { inProcess } from '../support/in-process.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: unknown;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly responses: Record<string, { description: string; content?: Record<string, { example?: string }> }>;
}

const document = openapi(COMMANDS, PUSHES, '1.2.3') as {
  paths: Record<string, Record<string, Operation>>;
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ route: `${method} ${path}`, path, operation })),
);
const { table, context } = inProcess();
const none = (): never => {
  throw new Error('not called');
};
const sockets = [
  ...conversations(table, none),
  duplex({ table, fault: none, clock: context.clock, parse: none, unpacked: none, packed: none }),
].map(({ path }) => ({ method: 'GET', path }));
const events = sseEndpoints(table, seededIds(1));

describe('the OpenAPI document', () => {
  it('shows exactly the routes of REST, commands, server-sent events and sockets', () => {
    const served = [...restEndpoints(table.calls), commandEndpoint(table.calls, none), ...events, ...sockets].map(
      ({ method, path }) => `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}`,
    );
    expect(operations.map(({ route }) => route).sort()).toEqual(served.sort());
  });

  it('names operations once, and exactly the parameters of each path', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { route, path, operation } of operations) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect([route, inPath.map(({ name }) => name)]).toEqual([route, named]);
      expect([route, inPath.every(({ required }) => required === true)]).toEqual([route, true]);
      for (const parameter of operation.parameters ?? []) expect(parameter.schema, route).toBeTypeOf('object');
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^[1-5]\d\d$/);
        expect(response.description, route).not.toBe('');
      }
    }
  });

  it('says of events that they are events, of sockets that they are sockets, and which parameter has to be there', () => {
    const get = (path: string): Operation => document.paths[path]?.['get'] as Operation;
    for (const { path } of events) {
      const { content } = get(path.replaceAll(/:(\w+)/g, '{$1}')).responses['200'] as Operation['responses'][string];
      expect(content?.['text/event-stream']?.example).toMatch(/^event: connected\ndata: \{.*\}\n\n(id: 0\n)?data: \{/);
    }
    for (const { path } of sockets)
      expect(get(path.replaceAll(/:(\w+)/g, '{$1}')).responses).toMatchObject({ 101: {}, 400: {} });
    expect(get('/pubsub/sse').parameters).toEqual([
      {
        name: 'topics',
        in: 'query',
        required: true,
        style: 'form',
        explode: false,
        schema: { type: 'array', minItems: 1, items: { type: 'string' } },
      },
    ]);
    expect(get('/stream/{room}/sse').parameters).toMatchObject([
      { name: 'room' },
      { name: 'from_offset', required: false },
      { name: 'Last-Event-ID', in: 'header' },
    ]);
  });

  it('can be printed and read again', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
  });
});
