"use strict";

// The clients' builds for Node, as they are installed.

const {EventEmitter} = require("events");
const Module = require("module");
const path = require("path");

const installed = Module.createRequire(path.resolve(__dirname, "../.clients/package.json"));

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

conformance.client = (cast) => installed(`client-${cast.version}`);
