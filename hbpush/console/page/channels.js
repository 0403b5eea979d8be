// The list of channels, and one channel with its last messages. Whatever comes from the server is put in as text.

import {number} from "./plot.js";

// An element with a text in it.
export function element(name, text = "", className = "") {
    const made = document.createElement(name);
    made.textContent = text;
    if (className) {
        made.className = className;
    }
    return made;
}

// What a reader may see of an id: bytes that are no text as U+FFFD, and no control characters.
export function shownId(id) {
    return id.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd").replace(/[\x00-\x1f\x7f]/g, "\u25af");
}

export function shownData(message) {
    const {data} = message;
    return typeof data === "string" ? data : JSON.stringify(data);
}

// A message as an item of a log.
export function item(message) {
    const made = element("li");
    const facts = [message.id, message.type, message.event && `event ${message.event}`, message.encoding, message.cut && "the beginning of it"];
    made.append(element("span", facts.filter(Boolean).join("  ·  ") || "no id", "meta"), element("pre", shownData(message)));
    if (message.id) {
        made.dataset.id = message.id;
    }
    return made;
}

// Rows keep their elements from one sample to the next, so that the keyboard's focus stays where it is.
export class ChannelTable {
    constructor(body, none, pick) {
        this.body = body;
        this.none = none;
        this.pick = pick;
        this.rows = new Map();
    }

    show(channels) {
        const before = this.rows;
        this.rows = new Map();
        let place = this.body.firstElementChild;
        for (const channel of channels) {
            const key = JSON.stringify([channel.store, channel.id]);
            const row = before.get(key) ?? this.make(channel);
            before.delete(key);
            this.rows.set(key, row);
            row.cells[2].textContent = number(channel.rate);
            row.cells[3].textContent = Object.entries(channel.subscribers).map(([name, count]) => `${name} ${count}`).join(", ") || "none now";
            if (row === place) {
                place = place.nextElementSibling;
            } else {
                this.body.insertBefore(row, place);
            }
        }
        for (const row of before.values()) {
            row.remove();
        }
        this.none.hidden = channels.length > 0;
    }

    make(channel) {
        const row = element("tr");
        const button = element("button", shownId(channel.id), "plain");
        button.type = "button";
        button.addEventListener("click", () => this.pick(channel));
        const name = element("td");
        name.append(button);
        row.append(name, element("td", channel.store), element("td"), element("td"));
        return row;
    }
}

export function showRecent(about, list, channel) {
    const kept = `${channel.messages} message${channel.messages === 1 ? "" : "s"} kept, ${channel.subscribers} subscribed`;
    about.textContent = channel.exists ? kept : `There is no such channel yet; ${channel.subscribers} subscribed`;
    list.replaceChildren(...channel.recent.map(item));
}
