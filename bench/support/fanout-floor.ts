/**
 * The floor of fan-out: the same transport library sending frames as long as ours to every socket, made once and written at
 * the end of the turn. It reads nothing, keeps nothing and bounds nothing: what a server on this library could reach at most.
 */
import { App, listen, portOf, type WebSocket } from '../../src/transports/uws.ts';

const [bytes = '237'] = process.argv.slice(2);
/** Frames of this many bytes fill what the library collects into one write. */
const AT_ONCE = Math.max(1, Math.floor(16_380 / (Number(bytes) + 4)));
const frame = Buffer.alloc(Number(bytes), 'x');
const sockets = new Set<WebSocket<unknown>>();
let waiting = 0;

function flush(): void {
  const count = waiting;
  waiting = 0;
  for (const ws of sockets)
    for (let sent = 0; sent < count; sent += AT_ONCE)
      ws.cork(() => {
        for (let i = sent; i < Math.min(count, sent + AT_ONCE); i++) ws.send(frame, false);
      });
}

const app = App();
app.ws('/pubsub/ws', {
  maxBackpressure: 0,
  open(ws) {
    sockets.add(ws);
    ws.send('{"type":"connected"}');
  },
  close(ws) {
    sockets.delete(ws);
  },
});
app.ws('/ws', {
  message() {
    if (waiting++ === 0) setImmediate(flush);
  },
});
const socket = await listen(app, '127.0.0.1', 0);
if (socket === undefined) throw new Error('cannot listen');
process.stdout.write(`${JSON.stringify({ port: portOf(socket) })}\n`);
