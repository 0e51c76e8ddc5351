// A WebSocket server on Node's `ws`, which does to each client what the path says.
//
// Arguments: a certificate and its key, as PEM files, for the port with TLS. Prints the two ports, and then a line
// for each client that has left: the path, and the code of the Close frame that the client sent, or `-`.
//
// The paths are those of `websockets_server.py`, which does the same on Python's `websockets`.

"use strict";

const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const { WebSocketServer } = require("ws");

const ANSWER = '{"id":1,"status":200}';
const TRADE = '{"E":4,"s":"btcusd","t":77,"p":"101.00","q":"1","m":false}';
const PINGS = 2_000;
// Longer than a client waits for an answer to its Close frame.
const DEAF_MILLISECONDS = 3_000;
// The longest message that a client takes.
const MESSAGE_BYTES_MAX = 4 << 20;

const pathOf = (request) => request.url.split("?")[0];

function behave(client, transport, kind, rest) {
  client.send(ANSWER);
  switch (kind) {
    case "trade":
      client.send(TRADE);
      break;
    case "fragments":
      client.send(TRADE.slice(0, 10), { fin: false });
      client.send(TRADE.slice(10, 11), { fin: false });
      client.send("", { fin: false });
      client.send(TRADE.slice(11), { fin: true });
      break;
    case "mute":
      // What the client asks from now on is read, and not answered.
      client.send(TRADE);
      break;
    case "deaf":
      client.send(TRADE);
      client.pause();
      setTimeout(() => client.resume(), DEAF_MILLISECONDS);
      break;
    case "close":
      if (rest.length > 0) client.close(Number(rest[0]), "as asked for");
      else client.close();
      break;
    case "abort":
      client.terminate();
      break;
    case "torn":
      transport.write(Buffer.concat([Buffer.from([0x81, 0x7e, 0x01, 0x00]), Buffer.from(TRADE)]));
      transport.end();
      break;
    case "pings": {
      for (let number = 0; number < PINGS; number += 1) client.ping(String(number).padStart(100));
      const last = String(PINGS - 1).padStart(100);
      client.on("pong", (data) => {
        if (data.toString() === last) client.send(TRADE);
      });
      break;
    }
    case "large":
      client.send(TRADE.padEnd(MESSAGE_BYTES_MAX));
      break;
    case "larger":
      client.send(TRADE.padEnd(MESSAGE_BYTES_MAX + 1));
      break;
    case "utf8":
      client.send(Buffer.from([0x7b, 0xff, 0x7d]), { binary: false });
      break;
    case "masked":
      transport.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x7b, 0x7d]));
      break;
    case "reserved":
      transport.write(Buffer.from([0xf1, 0x02, 0x7b, 0x7d]));
      break;
  }
}

const clients = new WebSocketServer({ noServer: true, perMessageDeflate: false });

clients.on("connection", (client, request, transport) => {
  const path = pathOf(request);
  const [, kind, ...rest] = path.split("/");
  // The client closed first; the code below reports how.
  client.on("error", () => {});
  client.on("close", () => {
    console.log(path, client._closeFrameReceived ? client._closeCode : "-");
  });
  if (kind !== "silent") client.once("message", () => behave(client, transport, kind, rest));
});

function onUpgrade(request, transport, head) {
  const [, kind, ...rest] = pathOf(request).split("/");
  transport.on("error", () => {});
  if (kind === "refuse" || kind === "redirect") {
    const status = kind === "refuse" ? Number(rest[0]) : 302;
    const lines = [`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`, "Content-Length: 0", "Connection: close"];
    if (kind === "redirect") lines.push("Location: /trade");
    if (rest.length > 1) lines.push(`Retry-After: ${rest[1]}`);
    transport.end(lines.concat("", "").join("\r\n"));
    return;
  }
  clients.handleUpgrade(request, transport, head, (client) => {
    clients.emit("connection", client, request, transport);
  });
}

const [certificate, key] = process.argv.slice(2).map((file) => fs.readFileSync(file));
const servers = [http.createServer(), https.createServer({ cert: certificate, key })];
const bound = servers.map(
  (server) =>
    new Promise((resolve) => {
      server.on("upgrade", onUpgrade);
      server.listen(0, "127.0.0.1", () => resolve(server.address().port));
    }),
);
Promise.all(bound).then((ports) => console.log(...ports));
