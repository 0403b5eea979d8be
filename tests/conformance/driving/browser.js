"use strict";

// Plays cases with the bundles of clients in headless Chromium: {executable, clients, together, scripts, cases} as JSON on stdin, facts as
// JSON lines on stdout. `clients` is the folder where they and playwright-core are installed. At most `together` pages are open at a time.
// `scripts` are the files of the protocol, in the order in which they are run.
// Beside what stage.js says, a case has `page`, the origin of its page: that of the server, or another; `bundle`, the file of the client;
// `scripts`, more files; and `framed` where the server's own pages, in frames, load the client from /__client.js too.

const fs = require("fs");
const path = require("path");

const {launch} = require("./chromium.js");
const {open} = require("./page.js");

function report(line) {
    process.stdout.write(JSON.stringify(line) + "\n");
}

async function play(browser, cast, scripts) {
    const crashed = (error) => report({case: cast.id, scenario: "", fact: "crash", value: error.stack});
    let context;
    try {
        const opened = await open(browser, cast, [path.join(__dirname, "stage.js"), ...scripts, ...cast.scripts], report, crashed);
        context = opened.context;
        await opened.page.evaluate((cast) => conformance.perform(cast, report), cast);
    } catch (error) {
        crashed(error);
    } finally {
        await context?.close();
    }
}

async function main() {
    const {executable, clients, together, scripts, cases} = JSON.parse(fs.readFileSync(0, "utf8"));
    const browser = await launch(executable, clients);
    try {
        const waiting = cases.slice();
        const players = Array.from({length: together}, async () => {
            while (waiting.length) {
                await play(browser, waiting.shift(), scripts);
            }
        });
        await Promise.all(players);
    } finally {
        await browser.close();
    }
}

main().catch((error) => {
    report({case: "", scenario: "", fact: "crash", value: error.stack});
    process.exitCode = 1;
});
