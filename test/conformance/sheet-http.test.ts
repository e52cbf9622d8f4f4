/**
 * Clauses of synap-core.md about HTTP itself that no visible recording touches: the order of refusals (1.4), codings
 * (1.2), preflights (1.5-6) and families that are switched off (1.3).
 */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../support/process.ts';
import { hosted, refusal } from './support.ts';

const user = hosted();
const text = { 'content-type': 'text/plain' };

describe('what is wrong with a request (1.4)', () => {
  it('is told of the path before the content type, the size and the JSON of the body', async () => {
    const number = 'Invalid URL: Cannot parse value at index 1 with value `x` to a `u64`';
    const consume = '/topics/t/partitions/x/consume';
    for (const [body, headers] of [
      ['{}', text],
      ['nope', undefined],
      ['[]', undefined],
      [`"${'x'.repeat(2_097_152)}"`, undefined],
    ] as const)
      expect(await user.post(consume, body, headers)).toEqual(refusal(400, number));
    for (const [path, name] of [
      ['/kv/%FF/append', 'key'],
      ['/key/%FF/rename', 'key'],
      ['/queue/%FF', 'name'],
      ['/stream/%FF/publish', 'room'],
      ['/pubsub/%FF/publish', 'topic'],
      ['/consumer-groups/%FF/join', 'group_id'],
    ] as const) {
      expect(await user.post(path, '{}', text)).toEqual(refusal(400, `Invalid URL: Invalid UTF-8 in \`${name}\``));
      expect(await user.post(path, '[1]')).toEqual(refusal(400, `Invalid URL: Invalid UTF-8 in \`${name}\``));
    }
  });

  it('is told of the content type before the body', async () => {
    expect(await user.post('/topics/t/partitions/0/consume', 'nope', text)).toEqual(refusal(415, /^Expected request/));
    expect(await user.post('/kv/k/append', 'nope')).toEqual(refusal(400, /^Failed to parse/));
  });
});

/** The headers of `/health`, asked for with this `Accept-Encoding`. */
async function coded(accept: string): Promise<IncomingMessage['headers']> {
  const [answer] = await once(get(`${user.base}/health`, { headers: { 'accept-encoding': accept } }), 'response');
  (answer as IncomingMessage).resume();
  return (answer as IncomingMessage).headers;
}

describe('gzip (1.2)', () => {
  it('is chosen where the client allows it and does not like an uncoded answer better', async () => {
    for (const accept of ['gzip', 'x-gzip', 'GZIP', '*', 'br;q=1, gzip;q=0.1', 'identity;q=0.5, gzip;q=0.5'])
      expect(await coded(accept), accept).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' });
  });

  it('is not chosen otherwise', async () => {
    for (const accept of ['', 'identity', 'br, deflate', 'gzip;q=0', '*, gzip;q=0', 'identity, gzip;q=0.5', '*;q=0'])
      expect((await coded(accept))['content-encoding'], accept).toBeUndefined();
  });

  it('sends no Content-Length', async () => {
    expect((await coded('gzip'))['content-length']).toBeUndefined();
    expect((await coded('identity'))['content-length']).toMatch(/^\d+$/);
  });
});

describe('OPTIONS (1.5-6)', () => {
  it('is 200 and empty on every path, with Allow where the path is known', async () => {
    for (const [path, allow] of [
      ['/kv/set', 'POST'],
      ['/stream/r', 'POST,PUT,DELETE'],
      ['/kv/ws', 'GET,HEAD'],
      ['/nope', null],
    ] as const) {
      const answer = await user.request('OPTIONS', path);
      expect([answer.status, answer.text, answer.headers.get('allow')]).toEqual([200, '', allow]);
      for (const what of ['origin', 'methods', 'headers'])
        expect(answer.headers.get(`access-control-allow-${what}`)).toBe('*');
    }
  });

  it('names Authorization to a browser that asks for it, since a star does not cover it', async () => {
    const answer = await user.request('OPTIONS', '/kv/set', undefined, {
      'access-control-request-headers': 'authorization',
    });
    expect(answer.headers.get('access-control-allow-headers')).toBe('*, Authorization');
  });
});

describe('a server without queues (1.3, 7-3)', () => {
  const file = join(scratchFolder(), 'off.yaml');
  writeFileSync(file, 'queue:\n  enabled: false\n');
  const own = hosted('--config', file);

  it('refuses queue routes with 400, and their sockets with 503', async () => {
    expect(await own.post('/queue/q', {})).toEqual(refusal(400, 'Invalid request: Queue system disabled'));
    expect(await own.refused('queue.list')).toBe('Invalid request: Queue system disabled');
    const asked = get(`${own.base}/queue/q/ws/w`, {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      },
    });
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part as Buffer);
    expect([answer.statusCode, JSON.parse(Buffer.concat(parts).toString())]).toEqual([
      503,
      { code: 503, error: 'Queue system disabled' },
    ]);
  });
});
