// A node server for the real captures: node server.js PORT TRUTHLOG.
// Each exchange that it served is a line of the truth log; see
// testdata/pcaps/README.md for its fields.
'use strict';
const http = require('node:http');
const fs = require('node:fs');
const crypto = require('node:crypto');
const zlib = require('node:zlib');

const log = fs.openSync(process.argv[3], 'w');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const lines = (n) => Array.from({ length: n }, (_, i) => `line ${i + 1} of the body\n`).join('');
const content = (buf) => ({ size: buf.length, sha256: crypto.createHash('sha256').update(buf).digest('hex') });

const routes = {
  '/json': (req, res) => send(res, 'application/json', JSON.stringify({ ok: true, text: 'héllo €' })),
  '/text': (req, res) => send(res, 'text/plain', lines(200)),
  '/echo': (req, res, body) => send(res, 'application/octet-stream', body),
  '/gzip': (req, res) => encoded(res, 'gzip', zlib.gzipSync, lines(300)),
  '/br': (req, res) => encoded(res, 'br', zlib.brotliCompressSync, lines(300)),
  '/deflate-raw': (req, res) => encoded(res, 'deflate', zlib.deflateRawSync, lines(300)),
  '/stream': async (req, res) => {
    res.setHeader('Trailer', 'X-Pieces');
    for (let i = 1; i <= 4; i++) {
      res.say(`piece ${i}\n`);
      await sleep(30);
    }
    res.addTrailers({ 'X-Pieces': '4' });
    res.end();
  },
  '/events': async (req, res) => {
    res.setHeader('Content-Type', 'text/event-stream');
    res.say('retry: 1000\n\n');
    for (let i = 1; i <= 8; i++) {
      const end = ['\n', '\r\n', '\r'][i % 3];
      res.say([`id: ${i}`, 'event: tick', `data: ${JSON.stringify({ i })}`, 'data: €', '', ''].join(end));
      await sleep(60);
    }
    res.end(); // without Content-Length and with HTTP/1.1: chunked
  },
};

function send(res, type, text) {
  const buf = Buffer.from(text);
  res.setHeader('Content-Type', type);
  res.setHeader('Content-Length', buf.length);
  res.say(buf);
  res.end();
}

function encoded(res, coding, encode, text) {
  const buf = encode(text);
  res.setHeader('Content-Encoding', coding);
  res.encoded = buf.length;
  res.write(buf);
  res.note(text);
  res.end();
}

const server = http.createServer(async (req, res) => {
  const socket = req.socket;
  socket.ordinal = (socket.ordinal || 0) + 1;
  const sent = [];
  res.note = (data) => sent.push(Buffer.from(data));
  res.say = (data) => { res.note(data); res.write(data); };
  const line = {
    by: 'server',
    client: `${socket.remoteAddress}:${socket.remotePort}`.replace('::ffff:', ''),
    server: `${socket.localAddress}:${socket.localPort}`.replace('::ffff:', ''),
    ordinal: socket.ordinal,
    method: req.method,
    target: req.url,
  };
  res.on('close', () => {
    line.status = res.statusCode;
    line.request = content(Buffer.concat(body));
    if (res.writableFinished) {
      line.response = content(req.method === 'HEAD' ? Buffer.alloc(0) : Buffer.concat(sent));
      if (res.encoded && req.method !== 'HEAD') line.response.encoded_size = res.encoded;
    } else {
      line.incomplete = 'aborted';
    }
    fs.writeSync(log, JSON.stringify(line) + '\n');
  });
  const body = [];
  for await (const piece of req) body.push(piece);
  const route = routes[req.url.split('?')[0]];
  if (route) return route(req, res, Buffer.concat(body));
  res.statusCode = 404;
  send(res, 'text/plain', 'nothing here\n');
});
server.keepAliveTimeout = 5000;
server.listen(Number(process.argv[2]), '0.0.0.0');
process.on('SIGTERM', () => { server.closeAllConnections(); process.exit(0); });
