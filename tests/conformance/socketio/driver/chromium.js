"use strict";

// The browser that plays pages, and how it is started.

const Module = require("module");
const path = require("path");

const CLIENTS = path.resolve(__dirname, "..", ".clients");
const {chromium} = Module.createRequire(path.join(CLIENTS, "package.json"))("playwright-core");

const ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // A page that no server sent is not known to be local, and would not be let to a local server.
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
];

function launch(executable) {
    return chromium.launch({executablePath: executable, headless: true, args: ARGUMENTS});
}

module.exports = {CLIENTS, launch};
