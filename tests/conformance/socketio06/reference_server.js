"use strict";

// What server.py does, on the last Socket.IO 0.6 for Node. Its WebSockets are of a draft that no client of today speaks.
//
//   node reference_server.js PORT

const {EventEmitter} = require("events");
const http = require("http");
const Module = require("module");
const path = require("path");

process.EventEmitter ??= EventEmitter;
const installed = Module.createRequire(path.resolve(__dirname, "../socketio/.clients/package.json"));

const seen = [];

const server = http.createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    response.setHeader("Access-Control-Allow-Origin", "*");
    if (url.pathname === "/seen") {
        const who = url.searchParams.get("who");
        response.end(JSON.stringify(seen.filter((record) => record[0] === who).map((record) => record.slice(1))));
    } else {
        response.statusCode = 404;
        response.end();
    }
});

// The old library takes the end of any connection that a client had for the end of its poll.
server.keepAliveTimeout = 0;

const polling = {duration: 2000, closeTimeout: 4000};

const io = installed("server-0.6.18").listen(server, {
    flashPolicyServer: false,
    log: () => undefined,
    transports: ["htmlfile", "xhr-polling", "jsonp-polling"],
    transportOptions: {"xhr-polling": polling, "jsonp-polling": polling, htmlfile: {heartbeatInterval: 1000, timeout: 3000}},
});

io.on("connection", (client) => {
    let who = null;
    client.on("message", (message) => {
        if (message.who) {
            who = message.who;
            seen.push([who, "", "open"]);
            client.send({welcome: who});
        } else if (message.burst) {
            client.send(message.burst);
        } else if (message.singly) {
            message.singly.forEach((one) => client.send(one));
        } else {
            client.send(message);
        }
    });
    client.on("disconnect", () => who && seen.push([who, "", "close"]));
});

server.listen(Number(process.argv[2]), "127.0.0.1");
