"use strict";

// What talker.py does, on sockjs-node: by it the drivers are known to pass where they should.
//
//   node reference_server.js PORT

const reference = require("../driving/reference.js");

const sockjs = reference.installed(__dirname)("sockjs");

const seen = [];
const server = reference.answering(seen);

function obey(connection, query, {argument, burst = [], first = [], close}) {
    [...burst, ...first].forEach((text) => connection.write(text));
    if (argument) {
        connection.write(query.get(argument));
    }
    if (close) {
        connection.close(...close);
    }
}

function serve(service, options, begin = () => undefined) {
    const app = sockjs.createServer({sockjs_url: "/__client.js", heartbeat_delay: 1000, disconnect_delay: 3000, log: () => undefined, ...options});
    app.on("connection", (connection) => {
        const query = new URL(connection.url, "http://localhost").searchParams;
        seen.push([query.get("who"), service, "open"]);
        connection.on("close", () => seen.push([query.get("who"), service, "close"]));
        connection.on("data", (text) => (text.startsWith("do:") ? obey(connection, query, JSON.parse(text.slice(3))) : connection.write(text)));
        begin(connection);
    });
    app.installHandlers(server, {prefix: `/${service}`});
}

serve("echo", {response_limit: 4096});
serve("talk", {});
serve("without_websocket", {websocket: false});
serve("beating", {disconnect_delay: 2000});
serve("close", {}, (connection) => connection.close(3000, "Go away!"));

reference.listen(server);
