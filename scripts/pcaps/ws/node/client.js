// A WebSocket client for the real captures: node client.js URL LOG PLAN:SETTING...
// It makes one connection for each plan, one after the other; the setting of
// permessage-deflate is the server's to choose but for those below.
'use strict';
const WebSocket = require('ws');
const { Peer, plans, logTo } = require('./peer');

const [base, logName, ...wanted] = process.argv.slice(2);
const log = logTo(logName);

// What the client asks for by itself; otherwise it offers everything.
const offers = {
  off: false,
  some: { threshold: 200 },
  'client-no-context': { threshold: 0, clientNoContextTakeover: true },
};

function connect(plan, setting) {
  const perMessageDeflate = offers[setting] ?? { threshold: 0 };
  const ws = new WebSocket(`${base}/${plan}?deflate=${setting}`, ['plan', 'other'], { perMessageDeflate });
  return new Promise((done, failed) => {
    ws.on('error', failed);
    ws.on('upgrade', (res) => { // which comes before what the server said at once
      const peer = new Peer(ws, res.socket, 'client', plans[plan].client, log);
      ws.on('open', () => done(peer.run()));
    });
  });
}

async function main() {
  for (const w of wanted) {
    const [plan, setting = 'off'] = w.split(':');
    await connect(plan, setting);
  }
}
main().catch((err) => { console.error(err); process.exit(1); });
