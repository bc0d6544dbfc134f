// One end of a WebSocket that follows a plan and logs what it sends; see
// testdata/pcaps/README.md for the log and ../plans.json for the plans.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

exports.plans = JSON.parse(fs.readFileSync(path.join(__dirname, '..', 'plans.json')));

// content is text or binary data of so many bytes, the n-th that an end sends:
// much like the one before, as messages are, so that contexts matter.
exports.text = (size, n) => {
  const unit = `{"n":${n},"who":"Zoë","said":"naïve café, 漢字, 🎉 ${'abc'[n % 3]}"}`;
  let out = Buffer.from(unit.repeat(Math.ceil(size / Buffer.byteLength(unit)) || 0)).subarray(0, size);
  let whole = out.length;
  while (whole > 0 && new TextDecoder().decode(out.subarray(0, whole)).endsWith('\ufffd')) whole--;
  return Buffer.concat([out.subarray(0, whole), Buffer.alloc(size - whole, '.')]);
};
exports.binary = (size, n) => Buffer.from(Array.from({ length: size }, (_, i) => (i * i + n) >> (i & 3) & 255));

// addresses are those of a connection: client, server.
exports.addresses = (socket, role) => {
  const local = `${socket.localAddress}:${socket.localPort}`.replace('::ffff:', '');
  const remote = `${socket.remoteAddress}:${socket.remotePort}`.replace('::ffff:', '');
  return role === 'client' ? { client: local, server: remote } : { client: remote, server: local };
};

exports.Peer = class {
  // log takes an object for each thing that is sent.
  constructor(ws, socket, role, steps, log) {
    Object.assign(this, { ws, socket, role, steps, log, received: 0, sent: 0, messages: 0 });
    this.ends = exports.addresses(socket, role);
    this.closed = new Promise((done) => ws.on('close', done));
    ws.on('message', () => { this.received++; if (this.arrived) this.arrived(); });
    ws.on('error', () => {}); // a plan's reset
    this.watch();
  }

  // watch notes the control frames that the library sends, also by itself.
  watch() {
    const { ws } = this;
    for (const opcode of ['ping', 'pong']) {
      const send = ws[opcode];
      ws[opcode] = (data, ...rest) => { this.note(opcode, Buffer.from(data || '')); send.call(ws, data, ...rest); };
    }
    const close = ws.close;
    ws.close = (code, reason) => {
      if (ws.readyState === ws.OPEN) {
        const why = Buffer.from(reason || '').toString();
        const payload = code ? Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(why)]) : Buffer.alloc(0);
        this.note('close', payload, code ? { code, reason: why } : {});
      }
      close.call(ws, code, reason);
    };
  }

  note(opcode, payload, more) {
    this.log({
      by: 'sender', ...this.ends, from: this.role, ordinal: ++this.sent, opcode, size: payload.length,
      sha256: crypto.createHash('sha256').update(payload).digest('hex'), ...more,
    });
  }

  async run() {
    for (const step of this.steps) await this.step(step);
    await this.closed;
  }

  async step(step) {
    const { ws, socket } = this;
    if (step.await !== undefined) {
      while (this.received < step.await && ws.readyState <= ws.OPEN) await Promise.race([this.closed, new Promise((done) => { this.arrived = done; })]);
    } else if (step.sleep) await new Promise((done) => setTimeout(done, step.sleep));
    else if (step.close !== undefined) ws.close(step.close || undefined, step.reason);
    else if (step.reset) socket.resetAndDestroy();
    else if (step.end) ws.terminate();
    else if (step.text !== undefined) this.send('text', exports.text(step.text, this.messages++), step);
    else if (step.binary !== undefined) this.send('binary', exports.binary(step.binary, this.messages++), step);
    else if (step.ping !== undefined) ws.ping(step.ping);
    else ws.pong(step.pong);
  }

  // send sends a message in so many fragments, and a ping after the first.
  send(opcode, data, { parts = 1, ping }) {
    this.note(opcode, data, { frames: parts });
    const step = Math.ceil(data.length / parts);
    for (let i = 0; i < parts; i++) {
      const fin = i === parts - 1;
      this.ws.send(data.subarray(i * step, fin ? data.length : (i + 1) * step), { binary: opcode === 'binary', fin });
      if (i === 0 && ping) this.ws.ping(ping);
    }
  }
};

// logTo is a log that writes to a file.
exports.logTo = (name) => {
  const fd = fs.openSync(name, 'w');
  return (line) => fs.writeSync(fd, JSON.stringify(line) + '\n');
};
