"use strict";

// The common part of the references: programs for Node, each on the original server of its protocol. A folder of tests has its own in
// reference_server.js, which is started with a port as its only argument. Knows no protocol.

const http = require("http");
const Module = require("module");
const path = require("path");

// The `require` for what prepare has installed for a folder of tests.
function installed(folder) {
    return Module.createRequire(path.join(folder, ".clients", "package.json"));
}

// An HTTP server for a library to take its own paths from. GET /seen?who=NAME answers with the records of a caller, as JSON, and any other
// path with 404. `seen` is the growing list of records: [who, where, "open" or "close"].
function answering(seen) {
    return http.createServer((request, response) => {
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
}

// Serve on the port that the command line has.
function listen(server) {
    server.listen(Number(process.argv[2]), "127.0.0.1");
}

module.exports = {installed, answering, listen};
