"use strict";

// The client whose bundle a page has.

conformance.client = () => SockJS;

// A client that leaves can not call a script back that it has asked for: by JSONP that comes, and calls what is no longer there.
(() => {
    const left = new Set();
    window._jp = new Proxy(
        {},
        {
            get: (callbacks, name) => callbacks[name] ?? (left.has(name) ? () => undefined : undefined),
            deleteProperty: (callbacks, name) => left.add(name) && delete callbacks[name],
        },
    );
})();
