"use strict";

// Uses the page of an example of TornadIO in headless Chromium: {executable, address, name, wanted} as JSON on stdin. Ends well when all
// that is wanted is written on the page.

const fs = require("fs");
const Module = require("module");
const path = require("path");

const CLIENTS = path.resolve(__dirname, "../../conformance/socketio/.clients/package.json");
const {chromium} = Module.createRequire(CLIENTS)("playwright-core");

const PATIENCE = 15_000;

async function say(page, text) {
    await page.fill("#text", text);
    await page.click("#say button");
}

const USES = {
    async chatroom(page) {
        await page.waitForFunction(() => document.getElementById("log").textContent.includes("who are you"));
        await say(page, "Ann");
        await say(page, "hello \u{1f600}");
    },
    async ping(page) {
        await page.waitForFunction(() => socket.connected);
        await page.click("#ping");
    },
    async transports(page) {
        await page.click("#connect");
        await page.waitForFunction(() => document.getElementById("state").textContent === "connected by websocket");
        await say(page, "Ann");
        await say(page, "hello \u{1f600}");
    },
};

async function main() {
    const {executable, address, name, wanted} = JSON.parse(fs.readFileSync(0, "utf8"));
    const browser = await chromium.launch({executablePath: executable, headless: true, args: ["--no-sandbox", "--disable-gpu"]});
    try {
        const page = await browser.newPage();
        page.setDefaultTimeout(PATIENCE);
        await page.goto(address);
        await USES[name](page);
        await page.waitForFunction((texts) => texts.every((text) => document.getElementById("log").textContent.includes(text)), wanted);
    } finally {
        await browser.close();
    }
}

main().catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
});
