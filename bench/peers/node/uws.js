// uWebSockets with its own publish/subscribe, which writes what was published in one turn at the end of it.
'use strict';
const uws = require('uwebsockets');
const { serve } = require('./common.js');

let one = null;
const app = uws.App().ws('/*', {
  compression: uws.DISABLED,
  maxBackpressure: 16 * 1024 * 1024,
  idleTimeout: 0,
  message: (socket, data) => {
    socket.subscribe(Buffer.from(data).toString());
    one = socket;
    socket.send('"ready"');
  },
  close: (socket) => {
    if (one === socket) one = null;
  },
});

function publish(topic, texts) {
  for (const text of texts) app.publish(topic, text, false, false);
}

app.listen('127.0.0.1', 0, (token) => {
  const behind = () => one !== null && one.getBufferedAmount() > 65536;
  serve(uws.us_socket_local_port(token), publish, behind);
});
