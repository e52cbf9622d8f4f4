/**
 * Pages of the chat face that hold no data: the list of routes, the viewer, and the OpenAPI document (R25, R29).
 */
import type { ChatDoor } from './chat-door.ts';
import { chatFailure } from './chat-text.ts';
import type { Endpoint, Reply } from './endpoint.ts';

/** What each route does, for people. */
const SUMMARIES: Readonly<Record<string, string>> = {
  'GET /healthz': 'Whether the server is alive.',
  'GET /readyz': 'Whether the server should get requests.',
  'POST /v1/_sign': 'Sign a user; backend keys only.',
  'POST /v1/threads': 'Make a thread.',
  'GET /v1/threads': 'List the threads of an author; title, slug, and with before or after also limit.',
  'GET /v1/threads/:thread': 'Read a thread.',
  'PUT /v1/threads/:thread': 'Change title or metadata of a thread.',
  'DELETE /v1/threads/:thread': 'Soft-delete a thread.',
  'GET /v1/threads/:thread/search': 'Find messages that hold all words of q, the newest first.',
  'GET /v1/threads/:thread/events': 'What happens to a thread, as server-sent events.',
  'POST /v1/threads/:thread/messages': 'Post a message into a thread.',
  'GET /v1/threads/:thread/messages': 'List messages; limit, before, after, include_deleted, sort_by.',
  'POST /v1/messages': 'Post a message; an unknown thread is made.',
  'GET /v1/messages': 'List the messages of the thread in the query.',
  'GET /admin/health': 'Whether admin calls are served.',
  'GET /admin/stats': 'Numbers of threads, messages and versions.',
  'GET /admin/threads': 'All threads.',
  'GET /admin/keys': 'Storage keys with a prefix.',
  'GET /admin/keys/:key': 'The value of a storage key.',
  'POST /admin/encryption/generate-kek': 'A fresh master key.',
  'POST /admin/encryption/rotate-thread-dek': 'Give a thread a new data key.',
  'POST /admin/encryption/rewrap-deks': 'Wrap data keys under a new master key.',
  'POST /admin/encryption/encrypt-existing': 'Encrypt what is stored in clear.',
  'POST /admin/test/retention-run': 'Run retention now; only with the setting chat.testing.',
};

const OF_MESSAGES: Readonly<Record<string, string>> = {
  'GET ': 'Read a message.',
  'PUT ': 'Edit a message: what is absent stays, null clears.',
  'DELETE ': 'Soft-delete a message.',
  'GET /versions': 'The versions of a message, oldest first.',
  'GET /reactions': 'The reactions of a message.',
  'POST /reactions': 'Set the reaction of an identity.',
  'DELETE /reactions/:identity': 'Take a reaction away.',
};

function summary({ method, path }: Endpoint): string {
  const below = path.replace(/^.*\/messages\/:id/, '');
  return SUMMARIES[`${method} ${path}`] ?? OF_MESSAGES[`${method} ${below}`] ?? SUMMARIES[`GET ${path}`] ?? '';
}

/** The OpenAPI document of these endpoints. */
export function chatOpenapi(endpoints: readonly Endpoint[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    const at = endpoint.path.replaceAll(/:(\w+)/g, '{$1}');
    const parameters = [...endpoint.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    }));
    const success =
      endpoint.method === 'DELETE' ? { 204: { description: 'Done.' } } : { 200: { description: 'Done.' } };
    paths[at] = {
      ...paths[at],
      [endpoint.method.toLowerCase()]: {
        summary: summary(endpoint),
        parameters,
        responses: { ...success, default: { description: 'Refused: {"error":"..."}' } },
      },
    };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'synapd chat', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ bearer: [] }, { key: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        key: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
  };
}

const page = (title: string, body: string): Reply => ({
  status: 200,
  type: 'text/html; charset=utf-8',
  body: `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>${body}</html>\n`,
});

const VIEWER = `<h1>Storage keys</h1>
<p><label>Admin key <input id="key" type="password"></label> <label>Prefix <input id="prefix" value="thread:"></label>
<button id="go">List</button></p><ul id="list"></ul><pre id="value"></pre>
<script>
const byId = (id) => document.getElementById(id);
const get = (path) => fetch(path, { headers: { Authorization: 'Bearer ' + byId('key').value } }).then((r) => r.text());
byId('go').onclick = async () => {
  const { keys = [], error } = JSON.parse(await get('/admin/keys?prefix=' + encodeURIComponent(byId('prefix').value)));
  byId('value').textContent = error ?? '';
  byId('list').replaceChildren(...keys.map((key) => {
    const item = document.createElement('li');
    item.textContent = key;
    item.onclick = async () => { byId('value').textContent = await get('/admin/keys/' + encodeURIComponent(key)); };
    return item;
  }));
};
</script>`;

/** The pages about these endpoints; `document` is the text of `/openapi.yaml`. */
export function chatPages(door: ChatDoor, endpoints: readonly Endpoint[], document: string): Endpoint[] {
  const rows = endpoints.map(
    (endpoint) => `<tr><td>${endpoint.method}<td><code>${endpoint.path}</code><td>${summary(endpoint)}`,
  );
  const docs = page('Chat', `<h1>Chat</h1><p><a href="/openapi.yaml">OpenAPI</a><table>${rows.join('')}</table>`);
  const viewer = page('Storage keys', VIEWER);
  const open = (path: string, reply: Reply): Endpoint => {
    door.knows('GET', path);
    return {
      method: 'GET',
      path,
      body: 'none',
      admit: (asked) => door.admit(asked, 'page'),
      failure: chatFailure,
      answer: () => reply,
    };
  };
  return [
    open('/docs/', docs),
    open('/viewer/', viewer),
    open('/openapi.yaml', { status: 200, type: 'application/yaml', body: document }),
  ];
}
