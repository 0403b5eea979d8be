/* sockjs-node as one uses it: messages that subscribe to channels, and a publish by POST that writes to each connection of one.

       node --expose-gc sockjs.js PORT

   It says to a subscriber what SethPusher says, but to nobody else. */
"use strict";

const sockjs = require("sockjs");
const { createServer } = require("./publisher.js");

const channels = new Map();

const server = createServer(
    (channel) => channels.get(channel)?.size ?? 0,
    (channel, text) => {
        const message = JSON.stringify({ message: text, sender_id: null });
        for (const connection of channels.get(channel) ?? []) connection.write(message);
    },
);

// A minute between heartbeats is longer than a run: none of the servers is measured by its heartbeats.
const push = sockjs.createServer({ heartbeat_delay: 60000, log: () => undefined });

push.on("connection", (connection) => {
    const subscribed = new Set();
    connection.on("data", (text) => {
        const { type, channel } = JSON.parse(text);
        if (type !== "subscribe") return;
        if (!channels.has(channel)) channels.set(channel, new Set());
        channels.get(channel).add(connection);
        subscribed.add(channel);
        const body = "User: null subscribed to " + channel;
        connection.write(JSON.stringify({ message: { body, subscriber_id: null, type } }));
    });
    connection.on("close", () => subscribed.forEach((channel) => channels.get(channel).delete(connection)));
});

push.installHandlers(server, { prefix: "/connect" });
server.listen(Number(process.argv[2]), "127.0.0.1", 4096);
