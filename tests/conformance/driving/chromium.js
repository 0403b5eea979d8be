"use strict";

// The browser that plays pages, and how it is started.

const Module = require("module");
const path = require("path");

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

// `clients` is the folder where playwright-core is installed.
function launch(executable, clients) {
    const {chromium} = Module.createRequire(path.join(clients, "package.json"))("playwright-core");
    return chromium.launch({executablePath: executable, headless: true, args: ARGUMENTS});
}

module.exports = {launch};
