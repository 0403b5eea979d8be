"use strict";

// Plays cases with the Node builds of the clients: a list of cases as JSON on stdin, facts as JSON lines on stdout.

const {EventEmitter} = require("events");
const fs = require("fs");
const Module = require("module");
const path = require("path");

const HERE = path.resolve(__dirname, "..");
const installed = Module.createRequire(path.join(HERE, ".clients", "package.json"));

require("./stage.js");
require("./sockets.js");

// Client 0.7 takes the emitter from where old Nodes had it.
process.EventEmitter ??= EventEmitter;

// 0.7 and 0.8 come with a WebSocket of draft 76, which no server of today speaks; 0.9 has its own of RFC 6455, and keeps it.
const load = Module._load;
Module._load = function (request, parent, ...rest) {
    if (request === "websocket-client") {
        return {WebSocket: hindered(installed("ws").WebSocket)};
    }
    const module = load.call(this, request, parent, ...rest);
    return request === "ws" && parent?.filename.endsWith("websocket.js") ? hindered(module) : module;
};

function report(line) {
    process.stdout.write(JSON.stringify(line) + "\n");
}

// What a client throws where nobody can catch it is told, and the others go on.
process.on("uncaughtException", (error) => report({case: "", scenario: "", fact: "crash", value: error.stack}));

for (const file of fs.readdirSync(path.join(HERE, "scenarios"))) {
    require(path.join(HERE, "scenarios", file));
}

const cases = JSON.parse(fs.readFileSync(0, "utf8"));
Promise.all(cases.map((cast) => conformance.perform(cast, installed(`client-${cast.version}`), report))).then(() => process.exit(0));
