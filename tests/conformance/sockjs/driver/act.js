"use strict";

// What the scenarios are given: connections of sockjs-client, and the server's own account of them. A plain script, for Node and for a page.
//
// Beside what the shared stage says, a case has `transport`, and `texts`, `percents` and `reasons` that are sent.

(() => {
    // One connection by forced transports. Its events are "open", "message" (text), "heartbeat", "error" and "close" (code, reason, clean).
    class Talk extends conformance.Events {
        constructor(SockJS, url, who, transports, patience) {
            super(patience);
            this.who = who;
            // A busy machine may be late: the client is not to give a transport up for that.
            this.socket = new SockJS(url, null, {transports, timeout: patience});
            this.socket.onopen = () => this.take("open");
            this.socket.onmessage = (event) => this.take("message", event.data);
            this.socket.onheartbeat = () => this.take("heartbeat");
            this.socket.onerror = () => this.take("error");
            this.socket.onclose = (event) => this.take("close", event.code, event.reason, event.wasClean);
        }

        get transport() {
            return this.socket.transport;
        }

        send(text) {
            this.socket.send(text);
        }

        // Have the service do something, in place of an echo.
        ask(what) {
            this.socket.send(`do:${JSON.stringify(what)}`);
        }

        // What fired but for heartbeats, with which some transports begin.
        names() {
            return super.names().filter((name) => name !== "heartbeat");
        }

        // Send a message, wait for its echo.
        async echo(text) {
            this.send(text);
            return (await this.next("message"))[0];
        }
    }

    conformance.Act = class extends conformance.Act {
        constructor(...parts) {
            super(...parts);
            this._talks = [];
        }

        // Start to connect to a service. `query` goes behind the query that names the caller.
        connect({service = "echo", transports = [this.cast.transport], query = ""} = {}) {
            const who = `${this.cast.id}-${this.name}-${this._talks.length}`.replace(/[^\w.-]/g, "_");
            const talk = new Talk(this.client, `${this.cast.site}/${service}?who=${who}${query}`, who, transports, this.patience);
            this._talks.push(talk);
            return talk;
        }

        // Connect, and tell by which transport.
        async connected(options) {
            const talk = this.connect(options);
            await talk.next("open");
            this.tell("transport", talk.transport);
            return talk;
        }

        // Wait until the server has seen that a caller is gone; all that it saw.
        hasSeenClose(talk) {
            return this.hasSeen(talk, null, "close");
        }

        logs() {
            return this._talks.map((talk) => talk.log.slice(-50).map((fired) => fired.map((part) => (typeof part === "string" ? part.slice(0, 200) : part))));
        }

        leave() {
            this._talks.forEach((talk) => talk.socket.close());
        }
    };
})();
