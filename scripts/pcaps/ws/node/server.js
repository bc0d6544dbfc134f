// A WebSocket server for the real captures: node server.js PORT LOG.
// The path names the plan, the parameter "deflate" one of the settings below.
'use strict';
const http = require('node:http');
const fs = require('node:fs');
const path = require('node:path');
const crypto = require('node:crypto');
const { WebSocketServer } = require('ws');
const { Peer, plans, addresses, logTo } = require('./peer');

const log = logTo(process.argv[3]);
const digest = (buf) => ({ size: buf.length, sha256: crypto.createHash('sha256').update(buf).digest('hex') });

const settings = {
  off: false,
  on: { threshold: 0 },
  some: { threshold: 200 }, // small messages are not compressed
  'server-no-context': { threshold: 0, serverNoContextTakeover: true },
  'client-no-context': { threshold: 0, clientNoContextTakeover: true },
  'no-context': { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true },
  'bits-9': { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
  'bits-10': { threshold: 0, serverMaxWindowBits: 12, clientMaxWindowBits: 10 },
  'bits-15': { threshold: 0, serverMaxWindowBits: 15, clientMaxWindowBits: 15 },
};
const servers = Object.fromEntries(Object.entries(settings).map(([name, perMessageDeflate]) =>
  [name, new WebSocketServer({ noServer: true, perMessageDeflate, handleProtocols: (asked) => [...asked][0] })]));

function exchange(req, status, request, response) {
  req.socket.ordinal = (req.socket.ordinal || 0) + 1;
  log({
    by: 'server', ...addresses(req.socket, 'server'), ordinal: req.socket.ordinal, method: req.method, target: req.url, status, request: digest(request),
    ...(response && { response: digest(response) }),
  });
}

// Browsers fetch the page, and post what they sent; see ../browser.html.
const server = http.createServer(async (req, res) => {
  const body = [];
  for await (const piece of req) body.push(piece);
  let status = 404, type = 'text/plain', answer = Buffer.from('nothing here\n');
  if (req.url.startsWith('/page')) {
    [status, type] = [200, 'text/html; charset=utf-8'];
    answer = fs.readFileSync(path.join(__dirname, '..', 'browser.html'));
  } else if (req.url === '/plans.json') {
    [status, type, answer] = [200, 'application/json', Buffer.from(JSON.stringify(plans))];
  } else if (req.url === '/sent') {
    [status, answer] = [204, Buffer.alloc(0)];
    for (const { target, ...line } of JSON.parse(Buffer.concat(body))) log({ by: 'sender', ...connections[target], from: 'client', ...line });
  }
  if (status === 200) res.setHeader('Content-Type', type);
  if (status !== 204) res.setHeader('Content-Length', answer.length);
  res.statusCode = status;
  exchange(req, status, Buffer.concat(body), answer);
  res.end(answer);
});

const connections = {}; // by target: the ends, for clients that do not know their port
server.on('upgrade', (req, socket, head) => {
  const url = new URL(req.url, 'http://server');
  const deflate = url.searchParams.get('deflate') || 'off';
  connections[req.url] = addresses(socket, 'server');
  exchange(req, 101, Buffer.alloc(0));
  servers[deflate].handleUpgrade(req, socket, head, (ws) => {
    const peer = new Peer(ws, socket, 'server', plans[url.pathname.slice(1)].server, log);
    if (url.searchParams.has('heard')) hear(peer, ws);
    peer.run();
  });
});

// hear logs what a browser sends without telling its page: pongs, and the answer
// to a Close frame.
function hear(peer, ws) {
  let n = 0;
  const note = (opcode, payload, more) => {
    log({ by: 'receiver', ...peer.ends, from: 'client', ordinal: ++n, opcode, ...digest(payload), ...more });
  };
  ws.on('pong', (data) => note('pong', data));
  ws.on('close', (code, reason) => {
    if (!peer.steps.some((s) => s.close !== undefined)) return; // the page closed, and says so
    note('close', Buffer.concat([Buffer.from([code >> 8, code & 255]), reason]), { code, reason: reason.toString() });
  });
}

server.listen(Number(process.argv[2]), '::');
process.on('SIGTERM', () => process.exit(0));
