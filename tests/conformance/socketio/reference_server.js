"use strict";

// What server.py does, on the last Socket.IO 0.9 for Node: by it the drivers are known to pass where they should.
//
//   node reference_server.js PORT

const {EventEmitter} = require("events");

const reference = require("../driving/reference.js");

process.EventEmitter ??= EventEmitter;
const installed = reference.installed(__dirname);

const seen = [];
const server = reference.answering(seen);

// The old library forgets to listen on sockets that it upgrades, and a reset would end the process.
server.on("connection", (socket) => socket.on("error", () => undefined));

const io = installed("server-0.9.19").listen(server, {
    "log level": 0,
    "browser client": false,
    "flash policy server": false,
    "heartbeat interval": 1,
    "heartbeat timeout": 3,
    "close timeout": 4,
    "polling duration": 2,
    transports: ["websocket", "xhr-polling", "jsonp-polling", "htmlfile"],
    authorization: (handshake, accept) => accept(null, !handshake.query.who?.startsWith("refused")),
});

function serve(endpoint) {
    return (socket) => {
        const who = socket.manager.handshaken[socket.id].query.who;
        const say = (message, ...rest) => (typeof message === "string" ? socket.send(message, ...rest) : socket.json.send(message, ...rest));
        seen.push([who, endpoint, "open"]);
        socket.emit("welcome", who);
        socket.on("disconnect", () => seen.push([who, endpoint, "close"]));
        socket.on("message", (message) => say(message));
        socket.on("echo", (...values) => socket.emit("echo", ...values));
        socket.on("count", () => socket.emit("counted", 0));
        socket.on("burst", (texts) => texts.forEach((text) => say(text)));
        socket.on("ticks", (count) => Array.from({length: count}, (_, tick) => socket.emit("tick", tick)));
        socket.on("add", (a, b, answer) => answer(a + b, `${a}+${b}`));
        socket.on("describe", (text, answer) => answer({text}));
        socket.on("nothing", (answer) => answer());
        socket.on("ask", () => socket.emit("question", "ready?", (first, ...rest) => socket.emit("answered", first, ...rest)));
        socket.on("ask for receipt", () => socket.send("sign here", () => socket.emit("receipt", "sign here")));
        socket.on("bye", () => (endpoint ? socket.packet({type: "disconnect"}) && socket.$emit("disconnect") : socket.disconnect()));
    };
}

io.sockets.on("connection", serve(""));
io.of("/chat").on("connection", serve("/chat"));
io.of("/news").on("connection", serve("/news"));
io.of("/closed").authorization((handshake, accept) => accept(null, false));

reference.listen(server);
