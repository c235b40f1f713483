// What the Node.js servers share: commands come as lines on stdin, answers go out as lines on stdout.
//   flood SECONDS TOPICS JOIN    one message after the other, each on the next topic, JOIN of them in one go
//   pace RATE SECONDS            messages on topic 0 at times fixed beforehand, stamped with them
'use strict';
const readline = require('node:readline');

const PAYLOAD = 200;

function message(ns) {
  const head = `{"ns":${ns},"pad":"`;
  return head + 'x'.repeat(PAYLOAD - head.length - 2) + '"}';
}

const turn = () => new Promise((done) => setImmediate(done));
const wallNs = () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6));

// `publish(topic, texts)` sends; `behind()` says whether the sockets have too much waiting.
exports.serve = function serve(port, publish, behind) {
  const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\n');
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', async (line) => {
    const [what, first, second, third] = line.split(' ');
    let sent = 0;
    if (what === 'flood') {
      const text = message('1000000000000000000');
      const texts = new Array(Number(third)).fill(text);
      const topics = Number(second);
      const end = performance.now() + Number(first) * 1000;
      while (performance.now() < end) {
        publish(String(sent % topics), texts);
        sent += 1;
        if (sent % Math.max(1, Math.min(topics, 50)) === 0) await turn();
        while (behind()) await turn();
      }
    } else if (what === 'pace') {
      const rate = Number(first);
      const start = wallNs() + 100_000_000n;
      for (let number = 0; number < rate * Number(second); number += 1) {
        const meant = start + BigInt(Math.round((number * 1e9) / rate));
        while (wallNs() < meant) {
          const left = Number(meant - wallNs()) / 1e6;
          await (left > 2 ? new Promise((done) => setTimeout(done, left - 1.5)) : turn());
        }
        publish('0', [message(meant)]);
        sent += 1;
      }
    }
    say({ sent });
  });
  lines.on('close', () => process.exit(0));
  say({ port });
};
