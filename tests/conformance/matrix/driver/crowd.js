"use strict";

// Real clients on Node, see orders.js: Socket.IO 0.6 to 0.9, sockjs-client, and Node's own WebSocket and EventSource, for which it is started
// with --experimental-websocket and --experimental-eventsource.

const {report, failed, obey} = require("./orders.js");

require("../../driving/stage.js");
require("../../socketio/driver/sockets.js");
require("../../socketio/driver/act.js");
require("../../socketio/driver/installed.js");
const {Talk, client} = conformance;
require("../../socketio06/driver/early.js");
require("../../socketio06/driver/installed.js");
const {Talk: EarlyTalk, client: earlyClient} = conformance;
require("../../sockjs/driver/installed.js");
const {client: sockClient} = conformance;
require("./members.js");

const libraries = {
    socketio: (member) => ({Talk, io: client(member)}),
    socketio06: (member) => ({Talk: EarlyTalk, io: earlyClient(member)}),
    sockjs: () => sockClient(),
};

conformance.library = (member) => libraries[member.way](member);

obey((member) =>
    conformance.join(
        member,
        (...message) => report({heard: member.name, messages: [message]}),
        (loss) => failed(member.name, loss),
    ),
).then(() => process.exit(0));
