/**
 * The floor: the same transport library answering a constant, with the headers every answer of ours carries. A body is
 * received and thrown away.
 */
import { App, listen, portOf } from '../../src/transports/uws.ts';

const HEADERS = 'application/json\r\naccess-control-allow-origin: *';
const app = App();
app.get('/*', (response) => {
  response
    .writeHeader('content-type', HEADERS)
    .end('"constant value of a hundred bytes or so, as long as the one that the key-value store gives back here"');
});
app.post('/*', (response) => {
  response.onAborted(() => {});
  response.onData((_chunk, last) => {
    if (last)
      response.writeHeader('content-type', HEADERS).end('{"success":true,"key":"key:0000000000","written":true}');
  });
});
const socket = await listen(app, '127.0.0.1', 0);
if (socket === undefined) throw new Error('cannot listen');
process.stdout.write(`${JSON.stringify({ port: portOf(socket) })}\n`);
