// The console: asks once a second how things are while the page is seen, and does what its forms say.

import {ask, NeedsKey, sleep, useKey} from "./ask.js";
import {ChannelTable, element, showRecent} from "./channels.js";
import {number, plot} from "./plot.js";
import {openPane, ways} from "./subscriptions.js";

const at = (id) => document.getElementById(id);

let server = null;
let triesKey = false;
let wake = () => {};

const table = new ChannelTable(at("channels"), at("none"), ({store, id}) => {
    at("channel").value = id;
    at("store").value = store;
    showWays();
    look();
});

function showState(state, text) {
    at("state").dataset.state = state;
    at("state").textContent = text;
}

function fail(error) {
    if (error instanceof NeedsKey) {
        // It is asked again and again: whoever has gone on by the keyboard meanwhile is left where he is.
        const isNew = at("key-form").hidden;
        at("key-form").hidden = false;
        at("main").hidden = true;
        at("key-wrong").hidden = !triesKey;
        showState("lost", "needs its key");
        if (isNew) {
            at("key").focus();
        }
    } else {
        showState("lost", error.name === "TimeoutError" || error instanceof TypeError ? "the server does not answer" : error.message);
    }
}

function options(select, values) {
    const before = select.value;
    select.replaceChildren(...values.map(([value, text]) => Object.assign(element("option", text), {value})));
    if (values.some(([value]) => value === before)) {
        select.value = before;
    }
}

function showWays() {
    const found = ways(server?.entrances ?? [], at("store").value);
    options(at("entrance"), found.map((way, place) => [`${way.name} ${way.path}`, `${way.name} (${way.path.replace(/^(\.\.?\/)+/, "/")})`]));
    at("no-entrance").hidden = found.length > 0;
    at("subscribe").disabled = found.length === 0;
}

async function meet() {
    server = await ask("server");
    const workers = server.workers > 1 ? `, worker ${server.worker} of ${server.workers}` : "";
    at("server").textContent = `${server.version}${workers}`;
    options(at("store"), server.stores.map(({name, type}) => [name, `${name} (${type})`]));
    at("publish-section").hidden = !server.publish;
    showWays();
    triesKey = false;
    at("key-form").hidden = true;
    at("main").hidden = false;
}

function show(sample) {
    const [messages, deliveries] = sample.history.at(-1) ?? [0, 0];
    at("rate").textContent = number(messages);
    at("deliveries").textContent = number(deliveries);
    at("subscribers").textContent = number(sample.subscribers);
    at("listened").textContent = number(sample.listened);
    plot(at("plot"), at("peak"), sample.history);
    table.show(sample.channels);
    at("protocols").replaceChildren(...Object.entries(sample.protocols).map(([name, count]) => element("li", `${name} ${count}`)));
    at("troubles").replaceChildren(...Object.entries(sample.troubles).map(([part, trouble]) => element("li", `${part}: ${trouble}`)));
    if (sample.worker !== server.worker) {
        server.worker = sample.worker;
        at("server").textContent = `${server.version}, worker ${sample.worker} of ${server.workers}`;
    }
    showState("live", "live");
}

// Until woken, or as many milliseconds later.
const pause = (milliseconds) => Promise.race([sleep(milliseconds), new Promise((resolve) => (wake = resolve))]);

async function watch() {
    for (;;) {
        try {
            if (server === null) {
                await meet();
            }
            show(await ask("sample", {match: at("match").value}));
        } catch (error) {
            fail(error);
            server = null;
        }
        await pause(server === null ? 2000 : server.period * 1000);
        while (document.hidden) {
            await pause(60000);
        }
    }
}

const named = () => ({channel: at("channel").value, store: at("store").value});

async function look() {
    try {
        showRecent(at("about"), at("recent"), await ask("channel", named()));
    } catch (error) {
        at("about").textContent = error.message;
        at("recent").replaceChildren();
    }
}

async function publish() {
    const body = {data: at("data").value, type: at("type").value, event: at("event").value};
    at("publish").disabled = true;
    try {
        const done = await ask("publish", named(), body);
        at("published").textContent = `Published as ${done.id}; ${done.takers} of ${done.subscribers} subscribers take it at once.`;
        await look();
    } catch (error) {
        at("published").textContent = `Not published: ${error.message}`;
    } finally {
        at("publish").disabled = false;
    }
}

function on(form, work) {
    at(form).addEventListener("submit", (event) => {
        event.preventDefault();
        work();
    });
}

on("key-form", () => {
    useKey(at("key").value);
    triesKey = true;
    at("key").value = "";
    wake();
});
on("channel-form", look);
on("publish-form", publish);
on("subscribe-form", () => {
    const way = ways(server?.entrances ?? [], at("store").value).find((each) => `${each.name} ${each.path}` === at("entrance").value);
    if (way && at("channel").reportValidity()) {
        openPane(at("panes"), way, at("channel").value);
    }
});
at("match").addEventListener("input", () => wake());
at("store").addEventListener("change", showWays);
document.addEventListener("visibilitychange", () => wake());
watch();
