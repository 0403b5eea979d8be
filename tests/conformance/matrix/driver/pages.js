"use strict";

// Real clients in pages of headless Chromium, each in its own, see orders.js. The command line has the executable of the browser, and the
// folder where playwright-core is installed. A member has also what ../../driving/page.js asks for, and `scripts`, the files of its protocol.

const path = require("path");

const {launch} = require("../../driving/chromium.js");
const {open} = require("../../driving/page.js");
const {report, failed, obey} = require("./orders.js");

const STAGE = path.join(__dirname, "../../driving/stage.js");
const OURS = ["members.js", "paged.js"].map((name) => path.join(__dirname, name));

async function main() {
    const [executable, clients] = process.argv.slice(2);
    const browser = await launch(executable, clients);
    try {
        await obey(async (member) => {
            const {page} = await open(browser, member, [STAGE, ...member.scripts, ...OURS], report, (error) => failed(member.name, error));
            await page.evaluate((member) => conformance.enter(member), member);
            return {say: (...said) => page.evaluate((said) => conformance.member.say(...said), said)};
        });
    } finally {
        await browser.close();
    }
}

main().then(
    () => process.exit(0),
    (error) => {
        failed("", error);
        process.exit(1);
    },
);
