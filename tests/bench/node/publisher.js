/* What servers on Node have beside their sessions: a publish by POST to /pub/CHANNEL, and GET of it, which tells who is there, so that all
   servers are asked alike. POST /settle frees what is no longer used. */
"use strict";

const http = require("http");

function answer(response, status, text) {
    response.writeHead(status, { "Content-Type": "text/plain", "Content-Length": text.length });
    response.end(text);
}

function info(subscribers) {
    return "queued messages: 1\r\nlast requested: 0 sec. ago\r\nactive subscribers: " + subscribers + "\r\nlast message id: 1:0";
}

/* A server that is yet to listen. count(channel) tells how many subscribe to it, publish(channel, text) sends to them. */
exports.createServer = (count, publish) => {
    const server = http.createServer();
    server.keepAliveTimeout = 0;
    server.on("request", (request, response) => {
        if (request.url === "/settle") {
            for (let i = 0; i < 3; i++) global.gc();
            answer(response, 200, "settled");
            return;
        }
        if (!request.url.startsWith("/pub/")) return;
        const channel = request.url.slice("/pub/".length);
        if (request.method !== "POST") {
            answer(response, 200, info(count(channel)));
            return;
        }
        const parts = [];
        request.on("data", (part) => parts.push(part));
        request.on("end", () => {
            publish(channel, Buffer.concat(parts).toString());
            answer(response, 201, info(count(channel)));
        });
    });
    return server;
};
