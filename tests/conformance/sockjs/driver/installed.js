"use strict";

// The client's build for Node, as it is installed.

const Module = require("module");
const path = require("path");

const SockJS = Module.createRequire(path.resolve(__dirname, "../.clients/package.json"))("sockjs-client");

conformance.client = () => SockJS;
