"use strict";

// Internet Explorer's document without a window, by which the clients carry their htmlfile transport, made of an iframe; and what else
// they call there. For a page.

(() => {
    globalThis.CollectGarbage = () => undefined;

    globalThis.ActiveXObject = function ActiveXObject(type) {
        if (type !== "htmlfile") {
            throw new Error(`no ${type}`);
        }
        const frame = document.createElement("iframe");
        frame.style.display = "none";
        document.body.appendChild(frame);
        const made = frame.contentDocument;
        made.parentWindow = frame.contentWindow;
        return made;
    };
})();
