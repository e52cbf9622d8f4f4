/**
 * Every member of every command, replaced by what does not belong there, over every face that reads the table: each is
 * answered, none by a fault, and the engines stay whole. What JSON and msgpack can say but a client never would is here.
 */
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/commands/index.ts';
import { PUSHES } from '../../src/commands/live.ts';
import type { Engine } from '../../src/core/ports.ts';
import { duplex } from '../../src/faces/duplex.ts';
import type { Answer } from '../../src/faces/endpoint.ts';
import type { Frame, Talk } from '../../src/faces/live.ts';
import { commandEndpoint } from '../../src/faces/synap-command.ts';
import { routeOf } from '../../src/faces/synap-rest.ts';
import { decodeText, parseJson } from '../../src/wire/json.ts';
import { packed, unpacked } from '../../src/wire/msgpack.ts';
import { type InProcess, inProcess } from '../support/in-process.ts';

/** JSON texts, since not all of them survive a double. */
const JSON_JUNK = [
  'null',
  'true',
  '0',
  '-0',
  '-1',
  '1.5',
  '1.0',
  '9007199254740993',
  '9223372036854775807',
  '18446744073709551616',
  '-9223372036854775809',
  '1e300',
  '1e-400',
  '""',
  '"\\u0000"',
  '"-1"',
  '"__proto__"',
  '"constructor"',
  '"#.*.#"',
  '"[^"',
  '"\u{1f600}\u2028"',
  `"${'x'.repeat(2_000)}"`,
  '[]',
  '[null]',
  '[[]]',
  '[{}]',
  '["a",1,{"b":2}]',
  `[${'1,'.repeat(1_100)}1]`,
  '{}',
  '{"__proto__":{"admin":true},"n":1.0}',
  '{"constructor":{"prototype":null}}',
  '{"length":-1}',
  `${'['.repeat(120)}${']'.repeat(120)}`,
];

const packr = new Packr({ useRecords: false, variableMapSize: true });
const pack = (value: unknown): Buffer => packr.pack(value);
/** msgpack values, some that JSON lacks: bytes, 64-bit integers, texts that are not UTF-8, a name that stands twice. */
const PACKED_JUNK = [
  ...JSON_JUNK.filter((text) => !/e-?\d|\d{17}/.test(text)).map((text) => pack(JSON.parse(text))),
  Buffer.from('cf8000000000000000', 'hex'),
  Buffer.from('cfffffffffffffffff', 'hex'),
  Buffer.from('d38000000000000000', 'hex'),
  Buffer.from('cb7fefffffffffffff', 'hex'),
  Buffer.from('c400', 'hex'),
  Buffer.from('c403fffe00', 'hex'),
  Buffer.from('a3fffefd', 'hex'),
  Buffer.from('a3eda080', 'hex'),
  Buffer.from('82a16101a16102', 'hex'),
  Buffer.from(`81a9${Buffer.from('__proto__').toString('hex')}80`, 'hex'),
];

type Members = Record<string, unknown>;
type Path = readonly (string | number)[];

/** The places in an input: its members, and what stands in them. */
function places(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([name, member]) =>
    places(member, [...path, Array.isArray(value) ? Number(name) : name]),
  );
  return path.length === 0 ? inner : [path, ...inner];
}

/** The input with a marker at the place. */
const MARK = '@@here@@';
function marked(value: unknown, [first, ...rest]: Path): unknown {
  if (first === undefined) return MARK;
  if (Array.isArray(value)) return value.map((item, i) => (i === first ? marked(item, rest) : item));
  const members = value as Members;
  return { ...members, [first]: marked(members[first as string], rest) };
}

/** The bytes with those of the marker replaced. */
function spliced(whole: Buffer, mark: Buffer, junk: Buffer): Buffer {
  const at = whole.indexOf(mark);
  return Buffer.concat([whole.subarray(0, at), junk, whole.subarray(at + mark.length)]);
}

/** Every input of a row: each place of its example, each member of its schema that the example leaves out, and the whole. */
function attacks(row: { readonly input: { shape: object }; readonly example: { readonly input: Members } }): unknown[] {
  const { input } = row.example;
  const left = Object.keys(row.input.shape).filter((name) => !(name in input));
  return [...places(input), ...left.map((name) => [name])].map((path) => marked(input, path));
}

const faults: unknown[] = [];
const fault = (error: unknown): never => {
  faults.push(error);
  throw error;
};

async function stage(server: InProcess, row: (typeof COMMANDS)[number]): Promise<void> {
  for (const { command, input } of row.example.before ?? []) await server.command(command, input);
}

function whole(server: InProcess): string[] {
  const { kv, queues, rooms, topics, groups, pubsub, chat } = server.context as unknown as Record<string, Engine>;
  return [kv, queues, rooms, topics, groups, pubsub, chat].flatMap((engine) => engine?.check() ?? []);
}

/** A `/ws` socket without a socket. */
function socket(server: InProcess): { talk: Talk; answers: Frame[] } {
  const answers: Frame[] = [];
  const parse = (bytes: Uint8Array): unknown => parseJson(decodeText(bytes));
  const { context, table, clock } = server;
  const talk = duplex({ table, fault, parse, packed, unpacked, clock }).open(context, [], '');
  talk.start(
    { send: (frame) => answers.push(frame) > 0, sendAll: ({ list }) => answers.push(...list) > 0, close: () => {} },
    clock.now(),
  );
  return { talk, answers };
}

const ROWS = COMMANDS.map((row) => [row.name, row] as const);

describe('junk in every member of', () => {
  it.each(ROWS)('%s is answered by the command endpoint and by its route', async (name, row) => {
    const server = inProcess();
    await stage(server, row);
    const endpoint = commandEndpoint(server.table.calls, fault);
    const route = row.rest === undefined ? undefined : routeOf(row.rest);
    const odd: unknown[] = [];
    for (const input of attacks(row))
      for (const junk of JSON_JUNK) {
        const text = JSON.stringify(input).replace(`"${MARK}"`, () => junk);
        server.context.now = server.clock.now();
        server.context.cancel = undefined;
        const answered = endpoint.answer(server.context, [], '', {
          command: name,
          request_id: 'r',
          payload: parseJson(text),
        }) as Answer | Promise<Answer>;
        (server.context.cancel as (() => void) | undefined)?.();
        if (typeof answered === 'string' && !/^\{"success":(true|false),"request_id":"r","payload":/.test(answered))
          odd.push([text, answered]);
        if (route === undefined) continue;
        const fields = parseJson(text) as Members;
        let path = route.path;
        for (const { name: hole, field } of route.params) {
          const value = fields[field];
          path = path.replace(
            `:${hole}`,
            () =>
              encodeURIComponent(
                typeof value === 'string' ? value.slice(0, 5000) : (JSON.stringify(value, plain) ?? ''),
              ) || '%00',
          );
          delete fields[field];
        }
        const query = Object.keys(row.rest?.query ?? {}).map(
          (field) => `${field}=${encodeURIComponent(String(JSON.stringify(fields[field], plain)).slice(0, 5000))}`,
        );
        server.context.cancel = undefined;
        const rest = server.rest(
          route.method,
          `${path}?${query.join('&')}`,
          row.rest?.body === undefined ? undefined : fields,
        );
        (server.context.cancel as (() => void) | undefined)?.();
        if (answered instanceof Promise) continue; // a waiting read: its answer comes when somebody writes
        const { status } = await rest;
        if (!(status < 500 || status === 507)) odd.push([text, status]);
      }
    expect([odd, faults]).toEqual([[], []]);
    expect(whole(server)).toEqual([]);
  });

  it.each([...ROWS, ...PUSHES.map((row) => [row.name, row] as const)])(
    '%s is answered on /ws, in JSON and in msgpack',
    async (name, row) => {
      const server = inProcess();
      if (row.effect !== 'push') await stage(server, row);
      const { talk, answers } = socket(server);
      let id = 0;
      const send = (bytes: Uint8Array, binary: boolean): void => {
        server.context.now = server.clock.now();
        server.context.cancel = undefined;
        talk.receive(server.context, bytes, binary);
      };
      for (const payload of [MARK, ...attacks(row)]) {
        const message = (): Members => ({ id: ++id, command: name, payload });
        for (const junk of JSON_JUNK)
          send(spliced(Buffer.from(JSON.stringify(message())), Buffer.from(`"${MARK}"`), Buffer.from(junk)), false);
        for (const junk of PACKED_JUNK) send(spliced(pack(message()), pack(MARK), junk), true);
      }
      talk.closed(server.clock.now(), false);
      await new Promise((resolve) => setImmediate(resolve));
      expect(faults).toEqual([]);
      expect(answers.length).toBeGreaterThan(0);
      for (const { bytes, binary } of answers)
        if (!binary) parseJson(decodeText(bytes));
        else unpacked(bytes);
      expect(whole(server)).toEqual([]);
    },
  );
});

const plain = (_name: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
