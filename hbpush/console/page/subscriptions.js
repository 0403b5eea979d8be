// The panes of subscriptions, and the ways in which one can be made.

import {base} from "./ask.js";
import {element, item, shownId} from "./channels.js";
import * as polls from "./polls.js";
import * as sockets from "./sockets.js";
import * as streams from "./streams.js";

const KEPT = 100;

// Protocol, as entrances name it -> the clients for it: their names for a reader, and what runs them.
const CLIENTS = {
    long: [["Long poll", polls.long]],
    interval: [["Interval poll", polls.interval]],
    eventsource: [["EventSource", streams.eventsource]],
    websocket: [["WebSocket", sockets.websocket]],
    tyron: [["Tyron", polls.tyron]],
    socketio: [
        ["Socket.IO 0.9, WebSocket", sockets.socketio],
        ["Socket.IO 0.9, XHR polling", sockets.socketioPolling],
    ],
    socketio06: [["Socket.IO 0.6, WebSocket", sockets.socketio06]],
    sockjs: [["SockJS, raw WebSocket", sockets.sockjs]],
};

// The ways that there are for channels of a store: {name, run, place}.
export function ways(entrances, store) {
    return entrances
        .filter((entrance) => entrance.store === store)
        .flatMap((entrance) =>
            (CLIENTS[entrance.protocol] ?? []).map(([name, run]) => ({name, run, path: entrance.path, place: new URL(entrance.path, base).href})),
        );
}

export function openPane(panes, way, channel) {
    const pane = document.getElementById("pane").content.firstElementChild.cloneNode(true);
    const [title, state, button, log] = pane.children;
    title.textContent = `${way.name}: ${shownId(channel)}`;
    button.setAttribute("aria-label", `Unsubscribe ${title.textContent}`);
    pane.dataset.client = way.name;
    let count = 0;
    function put(made) {
        log.prepend(made);
        while (log.childElementCount > KEPT) {
            log.lastElementChild.remove();
        }
    }
    const hear = {
        state: (text) => {
            state.textContent = count ? `${text}, ${count} heard` : text;
        },
        notice: (text) => put(element("li", text, "notice")),
        message: (message) => {
            count += 1;
            put(item(message));
            hear.state("open");
        },
    };
    const stop = way.run(way.place, channel, hear);
    button.addEventListener("click", () => {
        stop();
        pane.remove();
        document.getElementById("subscribe").focus();
    });
    panes.prepend(pane);
}
