"use strict";

// The client whose bundle a page has. It takes no WebSocket but the browser's own.

conformance.client = () => io;

// Internet Explorer has it; the client asks for it there.
globalThis.attachEvent ??= (name, listener) => addEventListener(name.slice(2), listener);
