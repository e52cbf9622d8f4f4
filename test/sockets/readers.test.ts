import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/core/limits.ts';
import { Frame, Frames } from '../../src/faces/live.ts';
import { Flusher, type Line, Outgoing } from '../../src/transports/outgoing.ts';
import { eventually, type LiveServer, liveServer, stopAll } from '../support/live.ts';

let server: LiveServer;
beforeAll(async () => {
  server = await liveServer();
});
afterAll(() => {
  stopAll();
  expect(server.faults).toEqual([]);
});

const BIG = 'x'.repeat(100_000);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a reader that does not read', () => {
  it('is closed with 1008 while the others lose nothing and keep their order', async () => {
    const stuck = await server.open('/pubsub/ws?topics=big');
    const others = await Promise.all([1, 2, 3].map(() => server.open('/pubsub/ws?topics=big,small.*')));
    await stuck.take(1);
    for (const other of others) await other.take(1);
    stuck.ws.pause();
    const before = server.context.pubsub.stats().slowConsumersDropped;
    let n = 0;
    while (server.context.pubsub.stats().slowConsumersDropped === before) {
      server.run('pubsub.publish', { topic: 'big', payload: { n, text: BIG } });
      server.run('pubsub.publish', { topic: 'small.a', payload: n });
      n++;
      await turn();
    }
    expect(server.run('pubsub.publish', { topic: 'big', payload: 'last' })).toMatchObject({ subscribers_matched: 3 });
    for (const other of others) {
      const frames = (await other.take(2 * n + 1)) as { topic: string; payload: { n: number } | number }[];
      const big = frames.filter(({ topic }) => topic === 'big').map(({ payload }) => (payload as { n: number }).n);
      const small = frames.filter(({ topic }) => topic === 'small.a').map(({ payload }) => payload);
      const all = Array.from({ length: n }, (_, i) => i);
      expect(big.slice(0, n)).toEqual(all);
      expect(small).toEqual(all);
      await other.close();
    }
    stuck.ws.resume();
    expect(await stuck.end()).toEqual({ code: 1008, reason: 'the reader is too slow' });
  });

  it('of a queue is left alone: messages stay ready until it reads on', async () => {
    server.run('queue.create', { name: 'slow', max_depth: 10_000 });
    const payload = Array.from({ length: 50_000 }, () => 200);
    for (let n = 0; n < 150; n++) server.run('queue.publish', { queue: 'slow', payload });
    const client = await server.open('/queue/slow/ws/w');
    client.ws.pause();
    let before = -1;
    for (let same = 0; same < 50; ) {
      const { depth } = server.context.queues.stats('slow');
      same = depth === before ? same + 1 : 0;
      before = depth;
      await turn();
    }
    expect(before).toBeGreaterThan(50);
    client.ws.resume();
    await client.until(() => client.frames.length === 151);
    expect(client.closed).toBeUndefined();
    expect(server.context.queues.stats('slow').depth).toBe(0);
    await client.close();
    await eventually(() => server.context.queues.stats('slow').depth === 150);
  });

  it('of a room goes on without a gap once it reads', async () => {
    server.run('stream.create', { room: 'slow' });
    const client = await server.open('/stream/slow/ws/s');
    await client.take(1);
    client.ws.pause();
    for (let n = 0; n < 300; n++) {
      server.run('stream.publish', { room: 'slow', event: 'e', data: { n, text: BIG } });
      if (n % 50 === 0) await turn();
    }
    client.ws.resume();
    const events = (await client.take(300)) as { offset: number; data: { n: number } }[];
    expect(events.map(({ offset }) => offset)).toEqual(Array.from({ length: 300 }, (_, n) => n));
    expect(client.closed).toBeUndefined();
    await client.close();
  });

  it('of /ws is none that asks for more at once than may wait, as long as it reads', async () => {
    server.run('kv.set', { key: 'fat', value: BIG });
    const client = await server.open('/ws');
    const asked = Math.ceil((3 * LIMITS.socketBacklogBytes) / BIG.length);
    for (let id = 0; id < asked; id++) client.send({ id, command: 'kv.get', payload: { key: 'fat' } });
    const answers = (await client.take(asked)) as { id: number }[];
    expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: asked }, (_, id) => id));
    await client.close();
  });

  it('of /ws is closed with 1008 when its own answers pile up', async () => {
    server.run('kv.set', { key: 'fat', value: BIG });
    const client = await server.open('/ws');
    client.ws.pause();
    for (let id = 0; id < 2 * LIMITS.socketInFlight; id++)
      client.send({ id, command: 'kv.get', payload: { key: 'fat' } });
    await eventually(() => server.live.counts.sockets === 0);
    client.ws.resume();
    expect(await client.end()).toMatchObject({ code: 1008 });
  });
});

describe('a message over the cap', () => {
  it('is refused with 1009', async () => {
    const client = await server.open('/pubsub/ws?topics=cap');
    await client.take(1);
    client.send('y'.repeat(LIMITS.socketMessageBytes));
    server.run('pubsub.publish', { topic: 'cap', payload: 1 });
    expect(await client.take(1)).toMatchObject([{ payload: 1 }]);
    client.send('y'.repeat(LIMITS.socketMessageBytes + 1));
    expect(await client.end()).toMatchObject({ code: 1009 });
  });
});

describe('a server that stops', () => {
  it('tells every socket with 1001, after what was on its way', async () => {
    const leaving = await liveServer();
    const client = await leaving.open('/pubsub/ws?topics=t');
    const duplex = await leaving.open('/ws');
    leaving.run('pubsub.publish', { topic: 't', payload: 'last' });
    leaving.live.closeAll('the server is stopping');
    expect((await client.take(2))[1]).toMatchObject({ payload: 'last' });
    expect(await client.end()).toEqual({ code: 1001, reason: 'the server is stopping' });
    expect(await duplex.end()).toMatchObject({ code: 1001 });
    expect(leaving.live.counts).toEqual({ sockets: 0, feeds: 0 });
    const late = await leaving.open('/ws');
    expect(await late.end()).toMatchObject({ code: 1001 });
  });
});

describe('a server that is closed at once after it said so', () => {
  it('has told every socket', async () => {
    const leaving = await liveServer();
    const clients = await Promise.all(Array.from({ length: 20 }, () => leaving.open('/pubsub/ws?topics=t')));
    leaving.run('pubsub.publish', { topic: 't', payload: 'last' });
    leaving.live.closeAll('the server is stopping');
    leaving.stop();
    for (const client of clients) {
      expect((await client.take(2))[1]).toMatchObject({ payload: 'last' });
      expect(await client.end()).toMatchObject({ code: 1001 });
    }
  });
});

describe('the queue of one receiver', () => {
  const frame = (size: number, mark = 0): Frame => new Frame(new Uint8Array(size).fill(mark), true);

  class FakeLine implements Line {
    readonly written: Frame[] = [];
    readonly ends: unknown[] = [];
    blocked = false;
    caught = 0;
    write(frames: readonly Frame[], from: number): number {
      if (this.blocked) {
        this.written.push(frames[from] as Frame);
        return 1;
      }
      this.written.push(...frames.slice(from));
      return frames.length - from;
    }
    held(): number {
      return this.blocked ? 1_000_000 : 0;
    }
    finish(code: number, _reason: string, slow: boolean): void {
      this.ends.push([code, slow]);
    }
    caughtUp(): void {
      this.caught++;
    }
  }

  it('never holds more than the cap and one frame, whatever is sent', async () => {
    const line = new FakeLine();
    line.blocked = true;
    const outgoing = new Outgoing(
      new Flusher(
        () => {},
        () => {},
      ),
      line,
    );
    const size = 70_000;
    let most = 0;
    for (let i = 0; i < 1000; i++) {
      outgoing.send(frame(size));
      most = Math.max(most, outgoing.waiting);
      if (i % 10 === 0) await turn();
    }
    await turn();
    expect(most).toBeLessThanOrEqual(LIMITS.socketBacklogBytes + size);
    expect(line.ends).toEqual([[1008, true]]);
    expect(line.written).toHaveLength(1);
    expect(outgoing.send(frame(1))).toBe(false);
  });

  it('answers false above the low-water mark, and tells once when it has caught up', async () => {
    const line = new FakeLine();
    const outgoing = new Outgoing(
      new Flusher(
        () => {},
        () => {},
      ),
      line,
    );
    expect(outgoing.send(frame(LIMITS.socketLowWaterBytes))).toBe(true);
    expect(outgoing.send(frame(1))).toBe(false);
    expect(outgoing.send(frame(1))).toBe(false);
    await turn();
    expect(line.caught).toBe(1);
    line.blocked = true;
    outgoing.send(frame(LIMITS.socketLowWaterBytes + 1));
    await turn();
    expect(line.caught).toBe(1);
    line.blocked = false;
    outgoing.drained();
    expect(line.caught).toBe(2);
  });

  it('writes in order, and the close last', async () => {
    const line = new FakeLine();
    line.blocked = true;
    const outgoing = new Outgoing(
      new Flusher(
        () => {},
        () => {},
      ),
      line,
    );
    for (let mark = 0; mark < 100; mark++) outgoing.send(frame(1, mark));
    outgoing.close(1001, 'bye');
    outgoing.send(frame(1, 200));
    await turn();
    expect(line.ends).toEqual([]);
    line.blocked = false;
    outgoing.drained();
    expect(line.written.map(({ bytes }) => bytes[0])).toEqual(Array.from({ length: 100 }, (_, mark) => mark));
    expect(line.ends).toEqual([[1001, false]]);
  });

  it('writes on until the line holds back or nothing is left, however little the line takes at once', async () => {
    const line = new FakeLine();
    line.write = (frames, from) => {
      line.written.push(frames[from] as Frame);
      return 1;
    };
    const outgoing = new Outgoing(
      new Flusher(
        () => {},
        () => {},
      ),
      line,
    );
    for (let mark = 0; mark < 50; mark++) outgoing.send(frame(10, mark));
    await turn();
    expect(line.written).toHaveLength(50);
    expect(outgoing.waiting).toBe(0);
  });

  it('shares one list of frames with others, and changes nobody else’s by what it is sent besides', async () => {
    const flusher = new Flusher(
      () => {},
      () => {},
    );
    const lines = Array.from({ length: 4 }, () => new FakeLine());
    const queues = lines.map((line) => new Outgoing(flusher, line));
    const marks = (line: FakeLine): unknown[] => line.written.map(({ bytes }) => bytes[0]);
    const [plain, before, after, slow] = queues as [Outgoing, Outgoing, Outgoing, Outgoing];
    const slowLine = lines[3] as FakeLine;
    slowLine.blocked = true;
    before.send(frame(1, 7));
    const first = new Frames([frame(1, 1), frame(1, 2), frame(1, 3)]);
    for (const queue of queues) expect(queue.sendAll(first)).toBe(true);
    after.send(frame(1, 9));
    slow.sendAll(new Frames([frame(1, 4)]));
    await turn();
    slowLine.blocked = false;
    slow.drained();
    expect(lines.map(marks)).toEqual([
      [1, 2, 3],
      [7, 1, 2, 3],
      [1, 2, 3, 9],
      [1, 2, 3, 4],
    ]);
    expect(queues.map((queue) => queue.waiting)).toEqual([0, 0, 0, 0]);
    expect(first.list).toHaveLength(3);
    plain.send(frame(1, 5));
    await turn();
    expect(marks(lines[0] as FakeLine)).toEqual([1, 2, 3, 5]);
  });

  it('is bounded in the same way when frames come in lists', async () => {
    const line = new FakeLine();
    line.blocked = true;
    const outgoing = new Outgoing(
      new Flusher(
        () => {},
        () => {},
      ),
      line,
    );
    const list = new Frames(Array.from({ length: 20 }, () => frame(10_000)));
    let most = 0;
    let kept = 0;
    for (let i = 0; i < 100; i++) {
      if (outgoing.sendAll(list)) kept++;
      most = Math.max(most, outgoing.waiting);
      if (i % 10 === 0) await turn();
    }
    await turn();
    expect(kept).toBe(1);
    expect(most).toBeLessThanOrEqual(LIMITS.socketBacklogBytes + 10_000);
    expect(line.ends).toEqual([[1008, true]]);
  });

  it('writes once per receiver and turn, not per frame, and a fault of one leaves the others', async () => {
    const faults: unknown[] = [];
    const flusher = new Flusher(
      (error) => faults.push(error),
      () => {},
    );
    const broken = new FakeLine();
    broken.write = () => {
      throw new Error('broken');
    };
    let writes = 0;
    const line = new FakeLine();
    const write = line.write.bind(line);
    line.write = (frames, from) => {
      writes++;
      return write(frames, from);
    };
    const [first, second] = [new Outgoing(flusher, broken), new Outgoing(flusher, line)];
    for (let i = 0; i < 10; i++) {
      first.send(frame(1));
      second.send(frame(1));
    }
    expect(writes).toBe(0);
    await turn();
    expect(writes).toBe(1);
    expect(line.written).toHaveLength(10);
    expect(faults).toHaveLength(1);
  });
});
