"use strict";

// What server.py does, on the last Socket.IO 0.6 for Node. Its WebSockets are of a draft that no client of today speaks.
//
//   node reference_server.js PORT

const {EventEmitter} = require("events");
const path = require("path");

const reference = require("../driving/reference.js");

process.EventEmitter ??= EventEmitter;
const installed = reference.installed(path.resolve(__dirname, "../socketio"));

const seen = [];
const server = reference.answering(seen);

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
        } else if (message.burst || message.singly) {
            // Between two polls the old library would make one text of a list.
            (message.burst ?? message.singly).forEach((one) => client.send(one));
        } else {
            client.send(message);
        }
    });
    client.on("disconnect", () => who && seen.push([who, "", "close"]));
});

reference.listen(server);
