"use strict";

// Plays cases with the bundles of the clients in headless Chromium: {executable, together, cases} as JSON on stdin, facts as JSON lines
// on stdout. At most `together` pages are open at a time.
// Beside what stage.js says, a case has `page`, the origin of its page: that of the server, or another.

const fs = require("fs");
const path = require("path");

const HERE = path.resolve(__dirname, "..");
const {CLIENTS, launch} = require("./chromium.js");

// Clients look for a script element to put theirs beside.
const PAGE = '<!doctype html><meta charset="utf-8"><title>clients</title><body><script src="/__client.js"></script></body>';

const PARTS = ["stage.js", "sockets.js"].map((name) => path.join(__dirname, name));
const SCENARIOS = fs.readdirSync(path.join(HERE, "scenarios")).map((name) => path.join(HERE, "scenarios", name));

function report(line) {
    process.stdout.write(JSON.stringify(line) + "\n");
}

// A context of its own has connections of its own: a browser opens no more than six to a server.
async function play(browser, cast) {
    const context = await browser.newContext();
    try {
        await context.exposeFunction("report", report);
        const page = await context.newPage();
        page.on("pageerror", (error) => report({case: cast.id, scenario: "", fact: "crash", value: error.stack}));
        await page.route("**/__page.html", (route) => route.fulfill({contentType: "text/html", body: PAGE}));
        await page.route("**/__client.js", (route) =>
            route.fulfill({contentType: "text/javascript", path: path.join(CLIENTS, "node_modules", `client-${cast.version}`, "dist/socket.io.js")}),
        );
        await page.goto(`${cast.page}/__page.html`, {timeout: cast.limit});
        await page.unrouteAll();
        const files = cast.transport === "htmlfile" ? [...PARTS, path.join(__dirname, "htmlfile.js")] : PARTS;
        for (const file of [...files, ...SCENARIOS]) {
            await page.addScriptTag({path: file});
        }
        await page.evaluate((cast) => {
            window.WebSocket = hindered(window.WebSocket);
            return conformance.perform(cast, io, report);
        }, cast);
    } catch (error) {
        report({case: cast.id, scenario: "", fact: "crash", value: error.stack});
    } finally {
        await context.close();
    }
}

async function main() {
    const {executable, together, cases} = JSON.parse(fs.readFileSync(0, "utf8"));
    const browser = await launch(executable);
    try {
        const waiting = cases.slice();
        const players = Array.from({length: together}, async () => {
            while (waiting.length) {
                await play(browser, waiting.shift());
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
