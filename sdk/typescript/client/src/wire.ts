/**
 * What the wires say differently from the rows, put right: the command endpoint and the socket leave out of some answers
 * what the caller knows, read one command's settings in a member of their own, and have no bytes in JSON.
 *
 * Invariant: whatever wire a call took, its answer is what the row says.
 */
import type { Method } from './commands.ts';

type Members = Readonly<Record<string, unknown>>;

/** The input of a command as it is sent. `binary`: the encoding has bytes. Throws `TypeError` for bytes that JSON cannot say. */
export function outgoing(name: string, method: Method, input: object, binary: boolean): object {
  if (name === 'queue.create') return settingsInside(input as Members);
  if (binary) return input;
  if (name === 'queue.publish') return listed(input as Members);
  if (name === 'queue.publish_batch')
    return { ...input, messages: (input as { messages: readonly Members[] }).messages.map(listed) };
  if (method.json === undefined) return input;
  for (const member of method.json)
    if (ArrayBuffer.isView((input as Members)[member]))
      throw new TypeError(`${name}: JSON has no bytes; give text, or use the socket with a codec`);
  return input;
}

/** Beside `name`, a setting of 0 would count as absent; inside `config` it counts. */
function settingsInside({ name, durability, ...config }: Members): object {
  return { name, durability, config };
}

/** Messages are bytes, which JSON shows as lists of integers. */
function listed(message: Members): object {
  const { payload } = message;
  return ArrayBuffer.isView(payload) ? { ...message, payload: [...bytesOf(payload)] } : message;
}

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** Whether only the route of REST understands this input: the other wires do not tell whether such a set was done. */
export function onlyRest(name: string, input: Members): boolean {
  return (
    name === 'kv.set' &&
    (input['nx'] != null ||
      input['xx'] != null ||
      input['get'] != null ||
      input['keepttl'] != null ||
      input['expiry'] != null)
  );
}

/** What the caller knows of these answers already. */
const COMPLETED: Readonly<Record<string, (answer: Members, input: Members) => Members>> = {
  'kv.set': ({ success }, { key }) => ({ success, key, written: success }),
  'kv.del': ({ deleted }, { key }) => ({ deleted, key }),
  'queue.create': ({ success }, { name }) => ({ success, queue: name }),
};

/** The answer to a command, as its row shows it. */
export function incoming(name: string, method: Method, answer: unknown, input: object): unknown {
  const complete = COMPLETED[name];
  if (complete !== undefined) return complete(answer as Members, input as Members);
  if (method.bytes === undefined) return answer;
  let whole = answer;
  for (const path of method.bytes) whole = withBytes(whole, path === '' ? [] : path.split('.'), 0);
  return whole;
}

/** Lists of integers at a path become bytes. */
function withBytes(value: unknown, path: readonly string[], at: number): unknown {
  const step = path[at];
  if (step === undefined) return Array.isArray(value) ? Uint8Array.from(value as number[]) : value;
  if (step === '*') {
    if (!Array.isArray(value)) return value;
    for (let i = 0; i < value.length; i++) value[i] = withBytes(value[i], path, at + 1);
  } else if (typeof value === 'object' && value !== null && step in value) {
    const members = value as Record<string, unknown>;
    members[step] = withBytes(members[step], path, at + 1);
  }
  return value;
}
