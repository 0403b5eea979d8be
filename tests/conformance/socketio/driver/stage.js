"use strict";

// Runs the scenarios of one case against one server and tells what was seen. A plain script, for Node and for the page of a browser: it
// knows no bundle, no file and no process. It judges nothing; whoever reads the facts does.
//
// A case: {id, version, transport, site, resource, scenarios, texts, patience, limit}. `site` is the origin of the server, `texts` what is sent,
// `patience` the milliseconds of any one wait and `limit` those of a scenario.

(() => {
    const scenarios = new Map();

    // Scenarios of one lane are played one after the other, the lanes at the same time.
    function scenario(name, lane, play) {
        scenarios.set(name, {lane, play});
    }

    function sleep(milliseconds) {
        return new Promise((resolve) => setTimeout(resolve, milliseconds));
    }

    function bounded(promise, milliseconds, what) {
        let timer;
        const end = new Promise((_, reject) => {
            timer = setTimeout(() => reject(new Error(`${typeof what === "function" ? what() : what} within ${milliseconds} ms`)), milliseconds);
        });
        return Promise.race([promise, end]).finally(() => clearTimeout(timer));
    }

    // One namespace of a client, with all that it fires: in `log` in order, and kept by name until somebody asks.
    class Place {
        constructor(namespace, patience) {
            this.namespace = namespace;
            this.log = [];
            this._patience = patience;
            this._unread = new Map();
            this._waiting = new Map();
            const fire = namespace.$emit;
            namespace.$emit = (...fired) => {
                this._take(...fired);
                return fire.apply(namespace, fired);
            };
            // Node's emitter throws an error that nobody listens for.
            namespace.on("error", () => undefined);
        }

        // The arguments of the next `name` that was not asked for yet.
        next(name, patience = this._patience) {
            const unread = this._unread.get(name);
            if (unread?.length) {
                return Promise.resolve(unread.shift());
            }
            const arrival = new Promise((resolve) => this._waiting.set(name, [...(this._waiting.get(name) ?? []), resolve]));
            return bounded(arrival, patience, () => `no ${name} (but ${JSON.stringify(this.log)})`);
        }

        // The first argument of each of the next `count`.
        async several(name, count) {
            const found = [];
            while (found.length < count) {
                try {
                    found.push((await this.next(name))[0]);
                } catch (error) {
                    throw new Error(`${found.length} of ${count}: ${JSON.stringify(found)}; then ${error.message}`);
                }
            }
            return found;
        }

        // The names of what fired, in order.
        names() {
            return this.log.map(([name]) => name);
        }

        _take(name, ...parts) {
            parts = parts.filter((part) => typeof part !== "function");
            this.log.push([name, ...parts]);
            const waiting = this._waiting.get(name);
            if (waiting?.length) {
                waiting.shift()(parts);
            } else {
                this._unread.set(name, [...(this._unread.get(name) ?? []), parts]);
            }
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
            return bounded(answer, this._patience, "no acknowledgement");
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
                await sleep(5);
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

    // One performance of a scenario.
    class Act {
        constructor(cast, io, name, report) {
            this.cast = cast;
            this.patience = cast.patience;
            this._io = io;
            this._name = name;
            this._report = report;
            this._talks = [];
        }

        tell(fact, value = null) {
            this._report({case: this.cast.id, scenario: this._name, fact, value});
        }

        sleep(milliseconds) {
            return sleep(milliseconds);
        }

        // Start to connect. `query` goes behind the query that names the caller.
        connect({transports = [this.cast.transport], who = "guest", query = "", ...options} = {}) {
            const name = `${who}-${this.cast.id}-${this._name}-${this._talks.length}`.replace(/[^\w.-]/g, "_");
            const talk = new Talk(this._io, this.cast.site, name, transports, this.patience, {resource: this.cast.resource, ...options}, query);
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

        fetch(path, options = {}) {
            return bounded(fetch(this.cast.site + path, options), this.patience, `no answer to ${path}`);
        }

        // What the server saw of a caller: a list of [endpoint, "open" or "close"].
        async seen(talk) {
            return (await this.fetch(`/seen?who=${talk.who}`)).json();
        }

        // Wait until the server has seen something; all that it saw.
        async hasSeen(talk, endpoint, what) {
            let seen = [];
            for (const end = Date.now() + this.patience; Date.now() < end; await sleep(50)) {
                seen = await this.seen(talk);
                if (seen.some((record) => record[0] === endpoint && record[1] === what)) {
                    return seen;
                }
            }
            throw new Error(`the server saw no ${what} of ${JSON.stringify(endpoint)} but ${JSON.stringify(seen)}`);
        }

        logs() {
            return this._talks.map((talk) => talk.logs());
        }

        leave() {
            this._talks.forEach((talk) => talk.leave());
        }
    }

    async function play(cast, io, name, report) {
        const act = new Act(cast, io, name, report);
        try {
            await bounded(scenarios.get(name).play(act), cast.limit, "no end");
            act.leave();
            act.tell("end");
        } catch (error) {
            act.tell("failed", {error: String(error?.stack ?? error), logs: act.logs()});
        }
    }

    // Plays the scenarios of a case. `report` takes the facts: {case, scenario, fact, value}; the last fact of each is "end" or "failed".
    async function perform(cast, io, report) {
        const lanes = new Map();
        for (const name of cast.scenarios) {
            const {lane} = scenarios.get(name);
            lanes.set(lane, [...(lanes.get(lane) ?? []), name]);
        }
        await Promise.all(
            [...lanes.values()].map(async (names) => {
                for (const name of names) {
                    await play(cast, io, name, report);
                }
            }),
        );
    }

    globalThis.conformance = {scenario, perform, bounded, sleep};
})();
