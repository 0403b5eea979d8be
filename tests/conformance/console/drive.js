"use strict";

// Uses the console in headless Chromium as a person would: by what is to be seen, by labels, and by the keyboard.
// The first line on stdin is an order, {executable, clients, url, play, ...} as JSON; each further line lets a play go on that has printed
// "waiting". The last line that is printed is what was seen, as JSON.

const readline = require("readline");

const {launch} = require("../driving/chromium.js");

const NASTY = '<img src=x onerror="document.title=1"> \u{1f600} <script>document.title = 2</script>';
const PATIENCE = 15000;

const faults = [];
let turn = () => {};

function waiting() {
    process.stdout.write("waiting\n");
    return new Promise((resolve) => (turn = resolve));
}

async function enter(page, url) {
    page.setDefaultTimeout(PATIENCE);
    page.on("pageerror", (error) => faults.push(String(error)));
    page.on("console", (message) => {
        if (/Content Security Policy|Refused to|TypeError|Trusted/.test(message.text())) {
            faults.push(message.text());
        }
    });
    await page.goto(url);
}

const live = (page) => page.waitForSelector('#state[data-state="live"]');

const panes = (page) =>
    page.$$eval(".pane", (all) =>
        all.map((pane) => ({
            client: pane.dataset.client,
            state: pane.querySelector("p").textContent,
            heard: [...pane.querySelectorAll("li")]
                .reverse()
                .map((made) => (made.className === "notice" ? made.textContent : [made.dataset.id ?? null, made.querySelector("pre").textContent])),
            events: [...pane.querySelectorAll(".meta")].reverse().map((meta) => / event (.*)/.exec(meta.textContent)?.[1] ?? null),
        })),
    );

const all = (page, count) => page.waitForFunction((count) => [...document.querySelectorAll(".pane")].every((pane) => pane.querySelectorAll("li").length >= count), count);

async function subscribe(page, channel, clients) {
    await page.getByLabel("Channel", {exact: true}).fill(channel);
    const ways = await page.$$eval("#entrance option", (found) => found.map((option) => [option.value, option.textContent]));
    const chosen = ways.filter(([, text]) => !clients || clients.some((client) => text.startsWith(client)));
    for (const [value] of chosen) {
        await page.getByLabel("Protocol", {exact: true}).selectOption(value);
        await page.getByRole("button", {name: "Subscribe", exact: true}).click();
    }
    return chosen.map(([, text]) => text);
}

async function publish(page, text, event = "") {
    await page.getByLabel("Message", {exact: true}).fill(text);
    await page.getByLabel("Event", {exact: true}).fill(event);
    // What is said of the message before is not what is said of this one.
    await page.evaluate(() => document.getElementById("published").replaceChildren());
    await page.getByRole("button", {name: "Publish", exact: true}).press("Enter");
    await page.waitForFunction(() => document.getElementById("published").textContent.startsWith("Published as "));
    return (await page.textContent("#published")).split(" ")[2].replace(/;$/, "");
}

const plays = {
    // Everything once, in the channel that the order names.
    async everything(page, {channel, subscribers, screenshots}) {
        const seen = {};
        await live(page);
        seen.tabbed = [];
        while (seen.tabbed.length < 10) {
            await page.keyboard.press("Tab");
            seen.tabbed.push(await page.evaluate(() => document.activeElement.id));
        }
        seen.ways = await subscribe(page, channel, null);
        await page.waitForFunction((count) => document.getElementById("subscribers").textContent === String(count), subscribers);
        seen.ids = [];
        // One under a name, also of a kind that an event stream has a meaning of its own for, that no pane was told of when it was opened.
        for (const [text, event] of [["first"], [NASTY], ["third", "tick"], ["fourth", "gap"]]) {
            seen.ids.push(await publish(page, text, event));
            await all(page, seen.ids.length);
        }
        seen.panes = await panes(page);
        // The line is not flat any more.
        await page.waitForFunction(() => new Set(document.querySelector("#plot-deliveries").getAttribute("points").match(/,[\d.]+/g)).size > 1);
        await page.getByLabel("Find a channel by its id").fill(channel.slice(1));
        await page.getByRole("row").filter({hasText: channel}).getByRole("button").press("Enter");
        await page.waitForFunction(() => document.querySelectorAll("#recent li").length === 4);
        seen.recent = await page.$$eval("#recent li", (found) => found.map((made) => [made.dataset.id, made.querySelector("pre").textContent]));
        seen.row = await page.$eval("#channels tr", (row) => [...row.cells].map((cell) => cell.textContent));
        seen.images = await page.$$eval("img, main script", (found) => found.length);
        seen.title = await page.title();
        seen.unlabelled = await page.$$eval("input, select, textarea, button", (found) =>
            found.filter((field) => !(field.labels?.length || field.getAttribute("aria-label") || field.textContent.trim())).map((field) => field.id),
        );
        if (screenshots) {
            for (const [name, width, scheme] of [["light", 1200, "light"], ["dark", 1200, "dark"], ["phone", 360, "light"]]) {
                await page.setViewportSize({width, height: 900});
                await page.emulateMedia({colorScheme: scheme});
                await page.screenshot({path: `${screenshots}/console-${name}.png`, fullPage: true});
            }
            seen.overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        }
        await page.getByRole("button", {name: /^Unsubscribe EventSource/}).first().click();
        seen.left = await page.$$eval(".pane", (found) => found.length);
        return seen;
    },

    // Two streams over a restart of the server.
    async restart(page, {channel}) {
        await live(page);
        await subscribe(page, channel, ["EventSource", "WebSocket"]);
        await page.waitForFunction(() => document.getElementById("subscribers").textContent === "2");
        const first = await publish(page, "one");
        await all(page, 1);
        await waiting();
        await page.waitForFunction(() => [...document.querySelectorAll(".pane")].every((pane) => pane.querySelector("pre").textContent === "two"));
        await live(page);
        return {first, panes: await panes(page)};
    },

    // What its WebSockets hear is `frames`, by the names of their clients, whatever is there. Nothing that they wait for takes time.
    async frames(page, {frames}) {
        await live(page);
        return page.evaluate(async (frames) => {
            const clients = await import(new URL("console/sockets.js", document.baseURI));
            const seen = {heard: {}, sent: {}, pauses: {}, states: {}};
            const later = window.setTimeout;
            window.fetch = async () => new Response("1:::");
            for (const [client, said] of Object.entries(frames)) {
                const [heard, sent, pauses, states] = Object.values(seen).map((kind) => (kind[client] = []));
                const hear = {message: ({data}) => heard.push(data), notice: (text) => heard.push(text), state: (text) => states.push(text)};
                const socket = await new Promise((resolve) => {
                    window.WebSocket = class {
                        constructor() {
                            // Its listeners are set after it is made.
                            later(() => resolve(this));
                        }

                        send(text) {
                            sent.push(text);
                        }
                    };
                    clients[client]("http://127.0.0.1/", "news", hear);
                });
                window.setTimeout = (work, pause) => {
                    pauses.push(pause);
                    queueMicrotask(work);
                };
                socket.onopen?.();
                for (const data of said) {
                    socket.onmessage({data});
                    await new Promise((resolve) => later(resolve));
                }
                window.setTimeout = later;
            }
            return seen;
        }, frames);
    },

    // Polls over a restart of the server, after which some of them find nothing.
    async polls(page, {channel}) {
        await live(page);
        await subscribe(page, channel, ["Long poll", "Interval poll"]);
        const ids = [await publish(page, "one")];
        await all(page, 1);
        await waiting();
        // The other one is held, until there is a message.
        await page.waitForFunction(() => document.querySelector('.pane[data-client="Interval poll"] .notice'));
        for (let number = 0; number < 3; number++) {
            await page.waitForResponse((answer) => answer.url().includes("/isub/") && answer.status() === 304);
        }
        const states = (await panes(page)).map(({state}) => state);
        ids.push(await publish(page, "two"));
        await page.waitForFunction(() => [...document.querySelectorAll(".pane")].every((pane) => pane.querySelector("pre").textContent === "two"));
        return {ids, states, panes: await panes(page)};
    },

    // Subscriptions of every kind, made while their store is away.
    async away(page, {channel, subscribers}) {
        await live(page);
        await subscribe(page, channel, null);
        const states = (begin) =>
            page.waitForFunction(
                (begin) => [...document.querySelectorAll('.pane[data-client^="Socket.IO"] p')].every((state) => state.textContent.startsWith(begin)),
                begin,
            );
        await states("refused, trying again: ");
        await waiting();
        await states("open");
        await page.waitForFunction((count) => document.getElementById("subscribers").textContent === String(count), subscribers);
        const first = await publish(page, "one");
        await all(page, 1);
        return {first, panes: await panes(page)};
    },

    // What the clients of some channels are told of why they do not hear anything, each by the words that it ends with.
    async refused(page, {tries}) {
        await live(page);
        const seen = [];
        for (const [channel, client, end] of tries) {
            await subscribe(page, channel, [client]);
            await page.waitForFunction((end) => document.querySelector(".pane p").textContent.endsWith(end), end);
            seen.push(await page.textContent(".pane p"));
        }
        return {seen};
    },

    // What a reader of event streams makes of `text`, however it is cut into two pieces.
    async pieces(page, {text}) {
        return page.evaluate(async (text) => {
            const {Reader} = await import(new URL("console/streams.js", document.baseURI));
            const seen = new Set();
            for (let cut = 0; cut <= text.length; cut++) {
                const heard = [];
                const stream = new Reader((event) => heard.push(event));
                stream.take("data: half sai");
                stream.begin();
                stream.take(text.slice(0, cut));
                stream.take(text.slice(cut));
                seen.add(JSON.stringify({heard, place: stream.place, retry: stream.retry}));
            }
            return {seen: [...seen].map(JSON.parse)};
        }, text);
    },

    // A console with a key.
    async key(page, {key}) {
        const seen = {};
        await page.waitForSelector("#key-form:not([hidden])");
        seen.hidden = [await page.isHidden("#main"), await page.isHidden("#key-wrong")];
        seen.focused = await page.evaluate(() => document.activeElement.id);
        await page.getByLabel("Key", {exact: true}).fill("wrong");
        await page.keyboard.press("Enter");
        await page.waitForFunction(() => document.getElementById("key").value === "");
        await page.waitForSelector("#key-wrong:not([hidden])");
        // It is asked again meanwhile, which is no reason to take the keyboard away.
        await page.getByRole("button", {name: "Use it"}).focus();
        for (let number = 0; number < 2; number++) {
            await page.waitForResponse((answer) => answer.status() === 401);
        }
        seen.focus = await page.evaluate(() => document.activeElement.textContent);
        await page.getByLabel("Key", {exact: true}).fill(key);
        await page.keyboard.press("Enter");
        await live(page);
        seen.id = await publish(page, "x");
        await page.reload();
        await live(page);
        return seen;
    },
};

async function main() {
    const lines = readline.createInterface({input: process.stdin});
    const order = await new Promise((resolve) => {
        lines.once("line", (line) => {
            lines.on("line", () => turn());
            resolve(JSON.parse(line));
        });
    });
    const browser = await launch(order.executable, order.clients);
    try {
        const page = await browser.newPage();
        await enter(page, order.url);
        const seen = await plays[order.play](page, order).catch(async (error) => {
            throw new Error(`${error.message}\n${JSON.stringify([await page.textContent("#state"), await panes(page)])}`, {cause: error});
        });
        process.stdout.write(JSON.stringify({...seen, faults}) + "\n");
    } finally {
        await browser.close();
        lines.close();
    }
}

main().catch((error) => {
    process.stderr.write(`${error.stack}\n${error.cause?.stack ?? ""}\n${faults.join("\n")}\n`);
    process.exit(1);
});
