// A subscription to an event stream (HTML standard, section 9.2), as those of polls.js. It is read by fetch(): a browser's own EventSource
// passes over events whose names it was not given beforehand, and does not tell why it was refused.

import {encodeId, refusal, sleep} from "./ask.js";

const AGAIN = 1000;

// `take(text)` reads a stream piece by piece and calls `heard({id, name, data})` for each event, its id null if it brings none. `place` is
// the last id, to go on with, `retry` how many milliseconds to wait before. `begin` forgets what a stream that broke off has left half said.
export class Reader {
    constructor(heard) {
        this.heard = heard;
        this.place = "";
        this.retry = 3000;
        this.begin();
    }

    begin() {
        this.line = "";
        this.end = "";
        this.clear();
    }

    clear() {
        this.name = "";
        this.data = [];
        this.id = null;
    }

    take(text) {
        const given = this.end + text;
        // It may be half of a line's end.
        this.end = given.endsWith("\r") ? "\r" : "";
        const lines = (this.end ? given.slice(0, -1) : given).split(/\r\n|\n|\r/);
        lines[0] = this.line + lines[0];
        this.line = lines.pop();
        lines.forEach((line) => this.read(line));
    }

    read(line) {
        if (line === "") {
            this.place = this.id ?? this.place;
            if (this.data.length) {
                this.heard({id: this.id, name: this.name || "message", data: this.data.join("\n")});
            }
            this.clear();
            return;
        }
        const [, field, value] = /^([^:]*):? ?([^]*)$/.exec(line);
        if (field === "data") {
            this.data.push(value);
        } else if (field === "event") {
            this.name = value;
        } else if (field === "id" && !value.includes("\0")) {
            this.id = value;
        } else if (field === "retry" && /^\d+$/.test(value)) {
            this.retry = Number(value);
        }
    }
}

// What the server says of the channel itself. Such an event brings no id; a message may have the same name, and brings one.
const NOTICES = new Map([["gap", "messages were missed"], ["deleted", "the channel was deleted"]]);

function told(hear) {
    return ({id, name, data}) => {
        if (id === null && NOTICES.has(name)) {
            hear.notice(NOTICES.get(name));
            return;
        }
        const plain = name.replace(/;?base64$/, "");
        hear.message({id, event: plain === "message" ? "" : plain, data, encoding: plain === name ? undefined : "base64"});
    };
}

export function eventsource(place, channel, hear) {
    const given = new AbortController();
    const stream = new Reader(told(hear));
    async function once() {
        const headers = {Accept: "text/event-stream", ...(stream.place && {"Last-Event-ID": stream.place})};
        const answer = await fetch(place + encodeId(channel), {headers, signal: given.signal, cache: "no-store"});
        if (!answer.ok || !answer.headers.get("Content-Type")?.startsWith("text/event-stream")) {
            hear.state(refusal(answer.status, await answer.text()));
            return AGAIN;
        }
        hear.state("open");
        stream.begin();
        const text = new TextDecoder();
        for (const pieces = answer.body.getReader(); ; ) {
            const {done, value} = await pieces.read();
            if (done) {
                hear.state("lost, coming back");
                return stream.retry;
            }
            stream.take(text.decode(value, {stream: true}));
        }
    }
    (async () => {
        hear.state("connecting");
        while (!given.signal.aborted) {
            let pause = stream.retry;
            try {
                pause = await once();
            } catch {
                hear.state("lost, coming back");
            }
            await sleep(pause);
        }
    })();
    return () => given.abort();
}
