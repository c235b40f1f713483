// The `ws` library, as its own documentation has it for many receivers: the message is made once.
'use strict';
const { WebSocketServer } = require('ws');
const { serve } = require('./common.js');

const topics = new Map();
let one = null;
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, backlog: 4096 });
server.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data) => {
    const topic = data.toString();
    if (!topics.has(topic)) topics.set(topic, new Set());
    topics.get(topic).add(socket);
    one = socket;
    socket.send('"ready"');
    socket.on('close', () => topics.get(topic).delete(socket));
  });
});

function publish(topic, texts) {
  const made = Buffer.from(texts[0]);
  for (const socket of topics.get(topic) ?? []) {
    if (texts.length > 1) socket._socket.cork();
    for (let count = 0; count < texts.length; count += 1) socket.send(made, { binary: false });
    if (texts.length > 1) socket._socket.uncork();
  }
}

server.on('listening', () => serve(server.address().port, publish, () => one !== null && one.bufferedAmount > 65536));
