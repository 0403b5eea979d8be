"use strict";

// Runs the scenarios of one case against one server and tells what was seen. A plain script, for Node and for the page of a browser: it
// knows no protocol, bundle, file or process. It judges nothing; whoever reads the facts does.
//
// A case: {id, site, scenarios, patience, limit, ...}. `site` is the origin of the server, `patience` the milliseconds of any one wait and
// `limit` those of a scenario; with `singly` nothing is played beside anything else. The scripts of a protocol set `conformance.Act`, what
// its scenarios are given, and `conformance.client`, which for a case finds the client under test.

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

    // All that something fires: in `log` in order, and kept by name until somebody asks.
    class Events {
        constructor(patience) {
            this.log = [];
            this._patience = patience;
            this._unread = new Map();
            this._waiting = new Map();
        }

        // Something has fired.
        take(name, ...parts) {
            this.log.push([name, ...parts]);
            const waiting = this._waiting.get(name);
            if (waiting?.length) {
                waiting.shift()(parts);
            } else {
                this._unread.set(name, [...(this._unread.get(name) ?? []), parts]);
            }
        }

        // The arguments of the next `name` that was not asked for yet.
        next(name, patience = this._patience) {
            const unread = this._unread.get(name);
            if (unread?.length) {
                return Promise.resolve(unread.shift());
            }
            const arrival = new Promise((resolve) => this._waiting.set(name, [...(this._waiting.get(name) ?? []), resolve]));
            return bounded(arrival, patience, () => `no ${name} (but ${JSON.stringify(this.log).slice(0, 2000)})`);
        }

        // The first argument of each of the next `count`.
        async several(name, count) {
            const found = [];
            while (found.length < count) {
                try {
                    found.push((await this.next(name))[0]);
                } catch (error) {
                    throw new Error(`${found.length} of ${count}: ${JSON.stringify(found).slice(0, 2000)}; then ${error.message}`);
                }
            }
            return found;
        }

        // The names of what fired, in order.
        names() {
            return this.log.map(([name]) => name);
        }
    }

    // One performance of a scenario, in which a client is tried. Protocols derive from it.
    class Act {
        constructor(cast, client, name, report) {
            this.cast = cast;
            this.patience = cast.patience;
            this.client = client;
            this.name = name;
            this._report = report;
        }

        tell(fact, value = null) {
            this._report({case: this.cast.id, scenario: this.name, fact, value});
        }

        sleep(milliseconds) {
            return sleep(milliseconds);
        }

        fetch(path, options = {}) {
            return bounded(fetch(this.cast.site + path, options), this.patience, `no answer to ${path}`);
        }

        // What the server saw of a caller, which is something that has a `who`: a list of [where, "open" or "close"]. The where is an
        // endpoint or a service.
        async seen(caller) {
            return (await this.fetch(`/seen?who=${caller.who}`)).json();
        }

        // Wait until the server has seen something somewhere, which is anywhere if it is null; all that it saw.
        async hasSeen(caller, where, what) {
            let seen = [];
            for (const end = Date.now() + this.patience; Date.now() < end; await this.sleep(50)) {
                seen = await this.seen(caller);
                if (seen.some((record) => (where === null || record[0] === where) && record[1] === what)) {
                    return seen;
                }
            }
            throw new Error(`the server saw no ${what} of ${JSON.stringify(where)} but ${JSON.stringify(seen)}`);
        }

        // What has fired so far, to be told when a scenario fails.
        logs() {
            return [];
        }

        // End what the scenario has left open.
        leave() {}
    }

    async function play(cast, name, report) {
        const act = new conformance.Act(cast, conformance.client(cast), name, report);
        try {
            await bounded(scenarios.get(name).play(act), cast.limit, "no end");
            act.leave();
            act.tell("end");
        } catch (error) {
            act.tell("failed", {error: String(error?.stack ?? error), logs: act.logs()});
        }
    }

    // Plays the scenarios of a case. `report` takes the facts: {case, scenario, fact, value}; the last fact of each is "end" or "failed".
    async function perform(cast, report) {
        const lanes = new Map();
        for (const name of cast.scenarios) {
            const lane = cast.singly ? "" : scenarios.get(name).lane;
            lanes.set(lane, [...(lanes.get(lane) ?? []), name]);
        }
        await Promise.all(
            [...lanes.values()].map(async (names) => {
                for (const name of names) {
                    await play(cast, name, report);
                }
            }),
        );
    }

    globalThis.conformance = {scenario, perform, bounded, sleep, Events, Act, client: () => undefined};
})();
