"use strict";

// Client 0.6, which has neither events nor endpoints, as the scenarios see it. A plain script, after those of the later clients.

(() => {
    const {Place, sleep} = conformance;

    // One connection, by forced transports. `root` has what the client fires.
    conformance.Talk = class EarlyTalk {
        constructor(io, site, who, transports, patience, options) {
            this.who = who;
            this._patience = patience;
            const {hostname, port} = new URL(site);
            this.socket = new io.Socket(hostname, {port, transports, rememberTransport: false, reconnect: false, ...options});
            const fire = this.socket.emit;
            this.socket.$emit = (name, ...parts) => fire.call(this.socket, name, parts);
            this.root = new Place(this.socket, patience);
            this.socket.emit = (name, parts = []) => this.socket.$emit(name, ...parts) && this.socket;
            if (transports[0] === "jsonp-polling") {
                // Where the client puts its scripts: left to itself, beside one of another connection, which goes with that.
                this.socket.transport.insertAt = document.querySelector("script[src='/__client.js']");
            }
            this.socket.connect();
        }

        send(message) {
            this.socket.send(message);
        }

        get transport() {
            return this.socket.transport?.type;
        }

        get sid() {
            return this.socket.transport?.sessionid;
        }

        // Disconnect when nothing is being posted: broken off in a post, the client takes it for unfinished forever.
        async disconnect() {
            for (const end = Date.now() + this._patience; this.socket.transport.posting && Date.now() < end; ) {
                await sleep(5);
            }
            this.socket.disconnect();
        }

        logs() {
            return [["", ...this.root.log]];
        }

        leave() {
            this.socket.options.reconnect = false;
            if (this.socket.connected) {
                this.socket.disconnect();
            }
        }
    };
})();
