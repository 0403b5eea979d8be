"use strict";

// Clients of several versions and curl on one channel: {site, channel, clients: [{version, transport}, ...]} as JSON on stdin. When all have
// subscribed, one after the other publishes; what each of them heard goes to stdout as JSON, name -> list of [text, id].

const {execFile} = require("child_process");
const fs = require("fs");

require("../../driving/stage.js");
require("../../socketio/driver/sockets.js");
require("../../socketio/driver/act.js");
require("../../socketio/driver/installed.js");
const {Talk, bounded, client} = conformance;
require("./early.js");
require("./installed.js");
const {Talk: EarlyTalk, client: earlyClient} = conformance;

const PATIENCE = 10_000;

// Clients 0.7 to 0.9 speak by events.
class Later {
    constructor(talk) {
        this._talk = talk;
        this._call = talk.root.namespace.emit.bind(talk.root.namespace);
    }

    async subscribe(channel) {
        return (await this._talk.answered(this._call, "subscribe", channel))[0];
    }

    async publish(channel, text) {
        return (await this._talk.answered(this._call, "publish", channel, text))[0].id;
    }

    async next() {
        return (await this._talk.root.next("message"))[0];
    }
}

// Clients 0.6 have messages only, answers and all.
class Early {
    constructor(talk) {
        this._talk = talk;
        this._messages = [];
    }

    async subscribe(channel) {
        this._talk.send({type: "subscribe", channel});
        return this._answer("subscribed");
    }

    async publish(channel, data) {
        this._talk.send({type: "publish", channel, data});
        return (await this._answer("published")).id;
    }

    async next() {
        return this._messages.shift() ?? this._answer("message");
    }

    async _answer(type) {
        for (;;) {
            const [message] = await this._talk.root.next("message");
            if (message.type === type) {
                return message;
            }
            this._messages.push(message);
        }
    }
}

async function join({version, transport}, site, channel) {
    const early = version.startsWith("0.6");
    const [Kind, library] = early ? [EarlyTalk, earlyClient({site})] : [Talk, client({version})];
    const talk = new Kind(library, site, version, [transport], PATIENCE, {}, "");
    await talk.root.next("connect");
    const member = new (early ? Early : Later)(talk);
    if ((await member.subscribe(channel)).channel !== channel || talk.transport !== transport) {
        throw new Error(`${version} by ${talk.transport}: ${JSON.stringify(talk.logs())}`);
    }
    member.name = `${version} ${transport}`;
    return member;
}

function curl(...options) {
    return new Promise((resolve, reject) => {
        execFile("curl", ["-sS", "--fail", ...options], (error, answer) => (error ? reject(error) : resolve(answer)));
    });
}

// Polls, and publishes by POST.
class Curl {
    constructor(site, channel) {
        this.name = "curl";
        this._site = site;
        this._channel = channel;
        this._poll = this._get([]);
    }

    async publish(channel, text) {
        await curl("-H", "Content-Type: text/plain", "--data-binary", text, `${this._site}/publisher/${channel}`);
    }

    async next() {
        const [head, data] = (await this._poll).split("\r\n\r\n");
        const [, time] = /^last-modified: (.*)$/im.exec(head);
        const [, tag] = /^etag: (.*)$/im.exec(head);
        this._poll = this._get(["-H", `If-Modified-Since: ${time}`, "-H", `If-None-Match: ${tag}`]);
        this._poll.catch(() => undefined);
        return {data, id: `${Date.parse(time) / 1000}:${tag}`};
    }

    _get(headers) {
        return curl("-i", ...headers, `${this._site}/subscriber/${this._channel}`);
    }
}

async function main() {
    const {site, channel, clients} = JSON.parse(fs.readFileSync(0, "utf8"));
    const members = [new Curl(site, channel)];
    for (const wanted of clients) {
        members.push(await join(wanted, site, channel));
    }
    for (const member of members) {
        await bounded(member.publish(channel, `from ${member.name} \u{1f600}`), PATIENCE, `${member.name} did not publish`);
    }
    const heard = {};
    for (const member of members) {
        heard[member.name] = [];
        for (const _ of members) {
            const {data, id} = await bounded(member.next(), PATIENCE, `${member.name} has no more than ${JSON.stringify(heard)}`);
            heard[member.name].push([data, id]);
        }
    }
    process.stdout.write(JSON.stringify(heard));
}

main().then(
    () => process.exit(0),
    (error) => {
        process.stderr.write(`${error.stack}\n`);
        process.exit(1);
    },
);
