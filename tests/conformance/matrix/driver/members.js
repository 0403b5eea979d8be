"use strict";

// How real clients subscribe to a channel, and publish to it. A plain script, for Node and for a page, after ../../driving/stage.js and the
// scripts that make the clients.
//
// A member: {name, way, site, channel, since, patience, transport, version}; `way` is one of those below. `conformance.library(member)` finds
// the client, for Socket.IO {Talk, io}. `conformance.join(member, hear, lose)` resolves when it is subscribed, to an object with `say`,
// where it can publish, which resolves when a message is published; `hear` is called with (data, encoding, id) for each message, where
// encoding may be undefined and id null, and `lose` with a text when it hears no more of the channel, or not all.

(() => {
    const {bounded} = conformance;
    const LOSSES = ["gap", "deleted", "unavailable", "disconnect", "error"];
    const NOTICES = ["connect", "disconnect", "subscribe", "unsubscribe"];

    function check(holds, what) {
        if (!holds) {
            throw new Error(JSON.stringify(what));
        }
    }

    function opened({name, patience}, listen) {
        return bounded(new Promise(listen), patience, `${name} did not open`);
    }

    // Socket.IO 0.7 to 0.9.
    async function socketio(member, hear, lose) {
        const {Talk, io} = conformance.library(member);
        const talk = new Talk(io, member.site, member.name, [member.transport], member.patience, {"connect timeout": member.patience}, "");
        await talk.root.next("connect");
        const {namespace} = talk.root;
        const emit = namespace.emit.bind(namespace);
        LOSSES.forEach((event) => namespace.on(event, (about) => lose(`${event} ${JSON.stringify(about)}`)));
        namespace.on("message", ({data, encoding, id, channel}) => (channel === member.channel ? hear(data, encoding, id) : lose(channel)));
        const [answer] = await talk.answered(emit, "subscribe", member.channel, member.since);
        check(answer.channel === member.channel && !answer.missed && talk.transport === member.transport, [answer, talk.transport]);
        return {
            async say(data) {
                const [published] = await talk.answered(emit, "publish", member.channel, data);
                check(published.id, published);
            },
        };
    }

    // Socket.IO 0.6: answers come as messages, in the order of what was asked.
    async function socketio06(member, hear, lose) {
        const {Talk, io} = conformance.library(member);
        const talk = new Talk(io, member.site, member.name, [member.transport], member.patience, {connectTimeout: member.patience}, "");
        await talk.root.next("connect");
        const published = [];
        const subscribed = opened(member, (resolve) => {
            const takers = {
                message: ({data, encoding, id}) => hear(data, encoding, id),
                published: (message) => published.shift()(message),
                subscribed: resolve,
            };
            talk.socket.on("message", (message) => (takers[message.type] ?? ((other) => lose(JSON.stringify(other))))(message));
            talk.socket.on("disconnect", () => lose("disconnect"));
        });
        talk.send({type: "subscribe", channel: member.channel, since: member.since});
        const answer = await subscribed;
        check(answer.channel === member.channel && !answer.missed && talk.transport === member.transport, [answer, talk.transport]);
        return {
            say(data) {
                const answered = opened(member, (resolve) => published.push(resolve));
                talk.send({type: "publish", channel: member.channel, data});
                return answered;
            },
        };
    }

    // SockJS: a socket of SethPusher, which has joined when it hears its own notice.
    async function sockjs(member, hear, lose) {
        const SockJS = conformance.library(member);
        const socket = new SockJS(`${member.site}/seth/connect`, null, {transports: [member.transport], timeout: member.patience});
        await opened(member, (resolve) => {
            const isNotice = (message) => message !== null && NOTICES.includes(message.type) && "subscriber_id" in message;
            socket.onopen = () => {
                socket.send(JSON.stringify({type: "connect", subscriber_id: member.name}));
                socket.send(JSON.stringify({type: "subscribe", channel: member.channel}));
            };
            socket.onclose = ({code, reason}) => lose(`close ${code} ${reason}`);
            socket.onmessage = ({data}) => {
                const {message, encoding} = JSON.parse(data);
                if (!isNotice(message)) {
                    hear(message, encoding, null);
                } else if (message.type === "subscribe" && message.subscriber_id === member.name) {
                    resolve();
                }
            };
        });
        check(socket.transport === member.transport, socket.transport);
        return {};
    }

    // The browser's own, or Node's: `transport` is "" for bodies alone, or "hbpush.json".
    async function websocket(member, hear, lose) {
        const url = `${member.site.replace("http", "ws")}/websocket/${member.channel}?since=${member.since}`;
        const socket = member.transport ? new WebSocket(url, member.transport) : new WebSocket(url);
        const published = [];
        socket.binaryType = "arraybuffer";
        await opened(member, (resolve) => {
            socket.onopen = resolve;
            socket.onclose = ({code, reason}) => lose(`close ${code} ${reason}`);
            socket.onmessage = ({data}) => {
                if (typeof data !== "string") {
                    hear(btoa(String.fromCharCode(...new Uint8Array(data))), "base64", null);
                    return;
                }
                const said = member.transport ? JSON.parse(data) : {data, id: null};
                if ("published" in said) {
                    published.shift()(said);
                } else if ("data" in said) {
                    hear(said.data, said.encoding, said.id);
                } else {
                    lose(data);
                }
            };
        });
        check(socket.protocol === member.transport, socket.protocol);
        return {
            say(publish, encoding) {
                const answered = opened(member, (resolve) => published.push(resolve));
                socket.send(JSON.stringify({publish, encoding}));
                return answered;
            },
        };
    }

    // The browser's own, or Node's.
    async function eventsource(member, hear, lose) {
        const source = new EventSource(`${member.site}/eventsource/${member.channel}?since=${member.since}`);
        await opened(member, (resolve) => {
            source.onopen = resolve;
            source.onerror = () => lose("error");
            source.onmessage = ({data, lastEventId}) => hear(data, undefined, lastEventId);
            source.addEventListener("base64", ({data, lastEventId}) => hear(data, "base64", lastEventId));
            source.addEventListener("gap", () => lose("gap"));
        });
        return {};
    }

    const ways = {socketio, socketio06, sockjs, websocket, eventsource};

    conformance.join = (member, hear, lose) => ways[member.way](member, hear, lose);
})();
