"use strict";

// WebSockets that are in the way, as proxies are: which, is said in the query of the address. A plain script, for Node and for a page.
//
// silent=1  never opens
// deaf=1    opens at the server, and lets nothing through

(() => {
    function silent() {
        return {send() {}, close() {}};
    }

    function deaf(Real, url) {
        const real = new Real(url);
        const stub = {send() {}, close: () => real.close()};
        real.onopen = () => stub.onopen?.();
        real.onmessage = () => undefined;
        real.onerror = () => undefined;
        real.onclose = () => stub.onclose?.();
        return stub;
    }

    // A class like `Real` that also makes those above.
    globalThis.hindered = (Real) =>
        function WebSocket(url, ...rest) {
            const query = new URL(url).searchParams;
            return query.has("silent") ? silent() : query.has("deaf") ? deaf(Real, url) : new Real(url, ...rest);
        };
})();
