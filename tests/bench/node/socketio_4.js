/* Socket.IO 4 as its manual has one write it: rooms to subscribe to, an event that is acknowledged, and a publish by POST.

       node --expose-gc socketio_4.js PORT
*/
"use strict";

const { Server } = require("socket.io");
const { createServer } = require("./publisher.js");

const server = createServer(
    (channel) => io.of("/").adapter.rooms.get(channel)?.size ?? 0,
    (channel, text) => {
        // To everybody, as all are subscribers: a little quicker than to the room.
        io.emit("message", text);
    },
);
// A minute between heartbeats is longer than a run: none of the servers is measured by its heartbeats.
const io = new Server(server, { serveClient: false, pingInterval: 60000, pingTimeout: 60000 });

io.on("connection", (socket) => {
    socket.on("subscribe", (channel, done) => {
        socket.join(channel);
        done({ channel });
    });
    socket.on("echo", (text, done) => done(text));
});

server.listen(Number(process.argv[2]), "127.0.0.1", 4096);
