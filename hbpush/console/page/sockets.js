// Subscriptions whose clients speak more than HTTP: the relay's WebSocket, Socket.IO 0.6 and 0.9, SockJS. As in polls.js, each is a
// function (place, channel, hear) -> stop, and goes on after the last id that it had, where its protocol has ids.

import {encodeId, sleep} from "./ask.js";

const AGAIN = 1000;
const LONGEST = 30000;

// What a text is in JSON, or the text where it is none. Object(it) has the fields of an object, and none of anything else.
function read(text) {
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}

const inWebSocket = (url) => url.replace(/^http/, "ws");

// A WebSocket that is opened again when it is lost. `greet(socket)` is called when it is open, `heard(text, socket)` for each frame;
// a code of 4500 and more means not to come back.
function lasting(url, protocols, hear, greet, heard) {
    let socket = null;
    let timer = 0;
    let wanted = true;
    function open() {
        socket = new WebSocket(inWebSocket(url()), protocols);
        socket.onopen = () => {
            hear.state("open");
            greet(socket);
        };
        socket.onmessage = (event) => heard(event.data, socket);
        socket.onclose = (event) => {
            const final = event.code >= 4500 && event.code < 5000;
            hear.state(final ? `closed: ${event.reason}` : `lost, trying again${event.reason ? `: ${event.reason}` : ""}`);
            if (wanted && !final) {
                timer = setTimeout(open, AGAIN);
            }
        };
    }
    open();
    return () => {
        wanted = false;
        clearTimeout(timer);
        socket.onclose = null;
        socket.close();
    };
}

export function websocket(place, channel, hear) {
    let last = "";
    const url = () => place + encodeId(channel) + (last ? `?since=${last}` : "");
    return lasting(url, ["hbpush.json"], hear, () => {}, (text) => {
        const said = Object(read(text));
        if (said.gap) {
            hear.notice("messages were missed");
        } else if (said.deleted) {
            hear.notice("the channel was deleted");
        } else if (said.id) {
            last = said.id;
            hear.message(said);
        }
    });
}

// Asks for a subscription within a connection that stays, and again when that is refused or ends, each time a little later: the store may
// be away, and is back some time. `ask()` is called anew for each connection, by `begin`.
class Asking {
    constructor(hear) {
        this.hear = hear;
        this.pause = AGAIN;
        this.timer = 0;
        this.ask = () => {};
    }

    begin(ask) {
        clearTimeout(this.timer);
        this.ask = ask;
        ask();
    }

    granted() {
        this.pause = AGAIN;
        this.hear.state("open");
    }

    refused(why) {
        this.hear.state(`refused, trying again: ${why}`);
        this.again();
    }

    ended() {
        this.hear.state("lost, trying again: the channel is not heard any more");
        this.again();
    }

    again() {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.ask(), this.pause);
        this.pause = Math.min(2 * this.pause, LONGEST);
    }
}

// Socket.IO 0.9: packets are `type:id:endpoint:data`; several in one payload have their lengths before them.

function packets(payload) {
    if (!payload.startsWith("\ufffd")) {
        return payload ? [payload] : [];
    }
    const found = [];
    for (let place = 0; payload[place] === "\ufffd"; ) {
        const end = payload.indexOf("\ufffd", place + 1);
        const length = Number(payload.slice(place + 1, end));
        found.push(payload.slice(end + 1, end + 1 + length));
        place = end + 1 + length;
    }
    return found;
}

// What packets mean to a subscription: `take(packet, send)` for each that comes. It begins with the server's `1::`.
function conversation(channel, hear) {
    let last = null;
    const asking = new Asking(hear);
    const told = {
        message: (message) => {
            last = message.id;
            hear.message(message);
        },
        gap: () => hear.notice("messages were missed"),
        deleted: () => hear.notice("the channel was deleted"),
        unavailable: () => asking.ended(),
    };
    return function take(packet, send) {
        const [, type, , , data] = /^(\d):(\d*\+?):([^:]*):?([^]*)$/.exec(packet) ?? [];
        if (type === undefined) {
            return;
        }
        if (packet[0] === "1") {
            asking.begin(() => send(`5:1+::${JSON.stringify({name: "subscribe", args: last ? [channel, last] : [channel]})}`));
        } else if (packet[0] === "2") {
            send("2::");
        } else if (packet[0] === "6") {
            const answer = Object(Object(read(data.replace(/^\d+\+?/, "")))[0]);
            if (answer.error) {
                asking.refused(answer.error);
                return;
            }
            asking.granted();
            if (answer.missed) {
                hear.notice("messages were missed");
            }
            last = last ?? answer.id ?? null;
        } else if (packet[0] === "5") {
            const event = Object(read(data));
            if (Object.hasOwn(told, event.name)) {
                told[event.name](Object(Object(event.args)[0]));
            }
        }
    };
}

async function handshake(place, signal) {
    const answer = await fetch(`${place}1/?t=${Date.now()}`, {signal, cache: "no-store"});
    if (!answer.ok) {
        throw new Error(`the handshake was answered ${answer.status}`);
    }
    return (await answer.text()).split(":")[0];
}

// Runs `talk(session, signal)` for one session after the other, until stopped.
function sessions(place, hear, talk) {
    const given = new AbortController();
    (async () => {
        while (!given.signal.aborted) {
            try {
                await talk(await handshake(place, given.signal), given.signal);
                throw new Error("the session has ended");
            } catch (error) {
                if (!given.signal.aborted) {
                    hear.state(`lost, trying again: ${error.message}`);
                    await sleep(AGAIN);
                }
            }
        }
    })();
    return () => given.abort();
}

export function socketio(place, channel, hear) {
    const take = conversation(channel, hear);
    return sessions(place, hear, (session, signal) => {
        const socket = new WebSocket(inWebSocket(`${place}1/websocket/${session}`));
        signal.addEventListener("abort", () => socket.close());
        socket.onmessage = (event) => packets(event.data).forEach((packet) => take(packet, (text) => socket.send(text)));
        return new Promise((resolve) => (socket.onclose = resolve));
    });
}

export function socketioPolling(place, channel, hear) {
    const take = conversation(channel, hear);
    return sessions(place, hear, async (session, signal) => {
        const url = `${place}1/xhr-polling/${session}`;
        signal.addEventListener("abort", () => void fetch(`${place}1/xhr-polling/${session}?disconnect=1`).catch(() => {}));
        const send = (text) => fetch(url, {method: "POST", body: text, headers: {"Content-Type": "text/plain; charset=UTF-8"}, signal}).catch(() => {});
        for (;;) {
            const answer = await fetch(`${url}?t=${Date.now()}`, {signal, cache: "no-store"});
            if (!answer.ok) {
                return;
            }
            for (const packet of packets(await answer.text())) {
                if (packet.startsWith("7:") || packet.startsWith("0:")) {
                    return;
                }
                take(packet, send);
            }
        }
    });
}

// Socket.IO 0.6: frames `~m~length~m~body`, of which a body `~h~n` is a heartbeat and `~j~…` JSON; the first is the session's id.

const framed = (body) => `~m~${body.length}~m~${body}`;

function bodies(text) {
    const found = [];
    for (let place = 0; ; ) {
        const [head, length] = /^~m~(\d+)~m~/.exec(text.slice(place)) ?? [];
        if (head === undefined) {
            return found;
        }
        place += head.length + Number(length);
        found.push(text.slice(place - Number(length), place));
    }
}

export function socketio06(place, channel, hear) {
    let last = null;
    const asking = new Asking(hear);
    const subscribe = () => framed(`~j~${JSON.stringify({type: "subscribe", channel, ...(last ? {since: last} : {})})}`);
    const told = {
        message: ({id, data, encoding}) => {
            last = id;
            hear.message({id, data, encoding});
        },
        subscribed: ({id, missed}) => {
            asking.granted();
            if (missed) {
                hear.notice("messages were missed");
            }
            last = last ?? id ?? null;
        },
        error: ({error}) => asking.refused(error),
        gap: () => hear.notice("messages were missed"),
        deleted: () => hear.notice("the channel was deleted"),
        unavailable: () => asking.ended(),
    };
    const greet = (socket) => asking.begin(() => socket.send(subscribe()));
    return lasting(() => `${place}websocket`, [], hear, greet, (text, socket) => {
        for (const body of bodies(text)) {
            if (body.startsWith("~h~")) {
                socket.send(framed(body));
            } else if (body.startsWith("~j~")) {
                const said = Object(read(body.slice(3)));
                if (Object.hasOwn(told, said.type)) {
                    told[said.type](said);
                }
            }
        }
    });
}

// SockJS, as a WebSocket without its frames, to SethPusher: what it says is its own, and has no ids.
export function sockjs(place, channel, hear) {
    return lasting(() => `${place}websocket`, [], hear, (socket) => socket.send(JSON.stringify({type: "subscribe", channel})), (text) => {
        const said = read(text);
        const {error, message} = Object(said);
        if (error) {
            hear.state(`refused: ${Object(error).message ?? error}`);
        } else if (!("subscriber_id" in Object(message))) {
            hear.message({data: message ?? said});
        }
    });
}
