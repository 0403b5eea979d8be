"use strict";

// The client whose bundle a page has.

window.WebSocket = hindered(window.WebSocket);
conformance.client = () => io;
