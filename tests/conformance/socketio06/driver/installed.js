"use strict";

// The window that client 0.6.3 wants, made in Node: no package brings a build of it, but its files run there.

const fs = require("fs");
const http = require("http");
const Module = require("module");
const path = require("path");
const vm = require("vm");

const CLIENTS = path.resolve(__dirname, "../../socketio/.clients");
const installed = Module.createRequire(path.join(CLIENTS, "package.json"));
const LIBRARY = path.join(CLIENTS, "node_modules", "server-0.6.18", "support", "socket.io-client", "lib");
const FILES = ["io", "util", "transport", "transports/xhr", "transports/websocket", "transports/xhr-polling", "socket"];

const Real = installed("ws").WebSocket;
const {XMLHttpRequest: Request} = installed("xmlhttprequest");

// The client takes a class for the browser's own only if the source of its `send` says so.
class WebSocket {
    constructor(url) {
        this._real = new Real(url);
        this._real.onmessage = (event) => this.onmessage?.(event);
        this._real.onclose = (event) => this.onclose?.(event);
        this._real.onerror = (event) => this.onerror?.(event);
    }

    send(native) {
        this._real.send(native);
    }

    close() {
        this._real.close();
    }
}

// By this property the client finds out that requests to other sites are possible.
function XMLHttpRequest() {
    return Object.assign(new Request(), {withCredentials: false});
}

// Browsers keep idle connections for minutes, which Node ends after five seconds: the old server takes that for the end of a poll beside.
http.globalAgent = new http.Agent({keepAlive: true});

// The library as it is to a page of a site.
function library(site) {
    const {hostname, port} = new URL(site);
    const location = {protocol: "http:", port};
    const window = {
        WEB_SOCKET_SWF_LOCATION: "none",
        WebSocket,
        XMLHttpRequest,
        addEventListener: () => undefined,
        clearTimeout,
        document: {readyState: "complete", domain: hostname, location, cookie: "", getElementsByTagName: () => []},
        location,
        navigator: {userAgent: "node"},
        setTimeout,
    };
    window.window = window;
    vm.createContext(window);
    for (const name of FILES) {
        const file = path.join(LIBRARY, `${name}.js`);
        vm.runInContext(fs.readFileSync(file, "utf8"), window, {filename: file});
    }
    return window.io;
}

const libraries = new Map();

conformance.client = ({site}) => {
    if (!libraries.has(site)) {
        libraries.set(site, library(site));
    }
    return libraries.get(site);
};
