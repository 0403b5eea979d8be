"use strict";

// Plays cases with the bundles of clients in headless Chromium: {executable, clients, together, scripts, cases} as JSON on stdin, facts as
// JSON lines on stdout. `clients` is the folder where they and playwright-core are installed. At most `together` pages are open at a time.
// `scripts` are the files of the protocol, in the order in which they are run.
// Beside what stage.js says, a case has `page`, the origin of its page: that of the server, or another; `bundle`, the file of the client;
// `scripts`, more files; and `framed` where the server's own pages, in frames, load the client from /__client.js too.

const fs = require("fs");
const path = require("path");

const {launch} = require("./chromium.js");

// Clients look for a script element to put theirs beside.
const PAGE = '<!doctype html><meta charset="utf-8"><title>clients</title><body><script src="/__client.js"></script></body>';

function report(line) {
    process.stdout.write(JSON.stringify(line) + "\n");
}

// A context of its own has connections of its own: a browser opens no more than six to a server.
async function play(browser, cast, scripts) {
    const context = await browser.newContext();
    try {
        await context.exposeFunction("report", report);
        const page = await context.newPage();
        page.on("pageerror", (error) => report({case: cast.id, scenario: "", fact: "crash", value: error.stack}));
        await page.route("**/__page.html", (route) => route.fulfill({contentType: "text/html", body: PAGE}));
        await page.route("**/__client.js", (route) => route.fulfill({contentType: "text/javascript", path: cast.bundle}));
        await page.goto(`${cast.page}/__page.html`, {timeout: cast.limit});
        if (!cast.framed) {
            await page.unrouteAll();
        }
        for (const file of [path.join(__dirname, "stage.js"), ...scripts, ...cast.scripts]) {
            await page.addScriptTag({path: file});
        }
        await page.evaluate((cast) => conformance.perform(cast, report), cast);
    } catch (error) {
        report({case: cast.id, scenario: "", fact: "crash", value: error.stack});
    } finally {
        await context.close();
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
