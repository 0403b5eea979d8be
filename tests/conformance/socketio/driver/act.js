"use strict";

// What the scenarios are given: connections of Socket.IO clients, and the server's own account of them. A plain script, for Node and for a
// page.
//
// Clients whose connections are of another kind have a class of their own in place of `conformance.Talk`.
// Beside what the shared stage says, a case has `transport`, `resource`, and `texts` and `values` that are sent.

(() => {
    // One namespace of a client.
    class Place extends conformance.Events {
        constructor(namespace, patience) {
            super(patience);
            this.namespace = namespace;
            const fire = namespace.$emit;
            namespace.$emit = (...fired) => {
                this.take(fired[0], ...fired.slice(1).filter((part) => typeof part !== "function"));
                return fire.apply(namespace, fired);
            };
            // Node's emitter throws an error that nobody listens for.
            namespace.on("error", () => undefined);
        }
    }

    // One connection of the client under test, by forced transports.
    class Talk {
        constructor(io, site, who, transports, patience, options, query) {
            this.who = who;
            this._patience = patience;
            // Options are merged into the library's own list by index: only a list of one's own forces a transport.
            io.transports = transports.slice();
            const namespace = io.connect(`${site}/?who=${who}${query}`, {"force new connection": true, reconnect: false, ...options});
            this.socket = namespace.socket;
            this.socket.on("error", () => undefined);
            this.root = new Place(namespace, patience);
            this._places = [this.root];
        }

        of(name) {
            const place = new Place(this.socket.of(name), this._patience);
            this._places.push(place);
            return place;
        }

        send(...message) {
            this.root.namespace.send(...message);
        }

        emit(...event) {
            this.root.namespace.emit(...event);
        }

        // Call a method that takes a callback last; the arguments that the callback gets.
        answered(method, ...parts) {
            const answer = new Promise((resolve) => method(...parts, (...answers) => resolve(answers)));
            return conformance.bounded(answer, this._patience, "no acknowledgement");
        }

        get transport() {
            return this.socket.transport?.name;
        }

        get sid() {
            return this.socket.sessionid;
        }

        // Disconnect as an application does, when nothing is being posted: what a client would send during that it keeps for later, and
        // sends the 0:: of one session in the next.
        async disconnect() {
            for (const end = Date.now() + this._patience; this.socket.doBuffer && Date.now() < end; ) {
                await conformance.sleep(5);
            }
            this.root.namespace.disconnect();
        }

        logs() {
            return this._places.map((place) => [place.namespace.name, ...place.log]);
        }

        leave() {
            this.socket.options.reconnect = false;
            if (this.socket.connected) {
                this.root.namespace.disconnect();
            }
        }
    }

    Object.assign(conformance, {Place, Talk});

    conformance.Act = class extends conformance.Act {
        constructor(...parts) {
            super(...parts);
            this._talks = [];
        }

        // Start to connect. `query` goes behind the query that names the caller.
        connect({transports = [this.cast.transport], who = "guest", query = "", ...options} = {}) {
            const name = `${who}-${this.cast.id}-${this.name}-${this._talks.length}`.replace(/[^\w.-]/g, "_");
            const talk = new conformance.Talk(this.client, this.cast.site, name, transports, this.patience, {resource: this.cast.resource, ...options}, query);
            this._talks.push(talk);
            return talk;
        }

        // Connect, and tell by which transport.
        async connected(options) {
            const talk = this.connect(options);
            await talk.root.next("connect");
            this.tell("transport", talk.transport);
            return talk;
        }

        // Send a message, wait for its echo.
        async echo(talk, text) {
            talk.send(text);
            return (await talk.root.next("message"))[0];
        }

        logs() {
            return this._talks.map((talk) => talk.logs());
        }

        leave() {
            this._talks.forEach((talk) => talk.leave());
        }
    };
})();
