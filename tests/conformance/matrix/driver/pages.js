"use strict";

// Real clients in pages of headless Chromium, see orders.js. The command line has the executable of the browser, and the folder where
// playwright-core is installed. A member has also what ../../driving/page.js asks for, `scripts`, the files of its protocol, and `sheet`, a
// name: members with the same one share a page. Not more of them than have five requests open at a time: a browser opens six to a server.

const path = require("path");

const {launch} = require("../../driving/chromium.js");
const {open} = require("../../driving/page.js");
const {report, failed, obey} = require("./orders.js");

const STAGE = path.join(__dirname, "../../driving/stage.js");
const OURS = ["members.js", "paged.js"].map((name) => path.join(__dirname, name));

async function main() {
    const [executable, clients] = process.argv.slice(2);
    const browser = await launch(executable, clients);
    const sheets = new Map();
    const sheet = (member) => {
        if (!sheets.has(member.sheet)) {
            sheets.set(
                member.sheet,
                open(browser, member, [STAGE, ...member.scripts, ...OURS], report, (error) => failed(member.name, error)),
            );
        }
        return sheets.get(member.sheet);
    };
    try {
        await obey(async (member) => {
            const {page} = await sheet(member);
            await page.evaluate((member) => conformance.enter(member), member);
            return {};
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
