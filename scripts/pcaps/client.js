// A node client for the real captures: node client.js BASE-URL.
// It uses fetch (undici), which keeps its connections alive.
'use strict';
const base = process.argv[2];

async function main() {
  for (const path of ['/json', '/text', '/gzip', '/br', '/deflate-raw', '/stream', '/missing']) {
    await (await fetch(base + path)).arrayBuffer();
  }
  await (await fetch(base + '/json', { method: 'HEAD' })).arrayBuffer();
  const form = new FormData();
  form.set('name', 'Zoë');
  form.set('file', new Blob(['some bytes\n']), 'f.txt');
  for (const body of [JSON.stringify({ a: 1 }), new URLSearchParams({ q: 'a b&c' }), form]) {
    await (await fetch(base + '/echo', { method: 'POST', body })).arrayBuffer();
  }
  await Promise.all(Array.from({ length: 4 }, (_, i) => fetch(`${base}/text?${i}`).then((r) => r.text())));
  const events = await fetch(base + '/events');
  for await (const piece of events.body) void piece;
  const streaming = new ReadableStream({
    async start(c) {
      for (const s of ['one ', 'two ', 'three\n']) {
        c.enqueue(new TextEncoder().encode(s));
        await new Promise((done) => setTimeout(done, 20));
      }
      c.close();
    },
  });
  await (await fetch(base + '/echo', { method: 'PUT', body: streaming, duplex: 'half' })).arrayBuffer();
  const early = new AbortController();
  setTimeout(() => early.abort(), 150);
  await fetch(base + '/events', { signal: early.signal }).then((r) => r.text()).catch(() => {});
}

main().catch((err) => { console.error(err); process.exit(1); });
