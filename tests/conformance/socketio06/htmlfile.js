"use strict";

// The transport htmlfile as Internet Explorer's clients have it: a page with an object `s`, whose function `_` is called by the scripts
// of a document that never ends; here an iframe in headless Chromium. Posts go by fetch.
// {executable, clients, origin, says} as JSON on stdin: the executable of the browser, the folder with playwright-core, the server, and
// what is posted, one stream for each time that something was heard. What is heard is printed as JSON.

const fs = require("fs");

const {launch} = require("../driving/chromium.js");

function hear(says) {
    return new Promise((resolve, reject) => {
        const heard = [];
        let place = "";
        window.s = {
            _: (text, of) => {
                if (of !== frame.contentDocument) {
                    reject(new Error("it is not the document that calls"));
                    return;
                }
                place = place || "/socket.io/htmlfile/" + text.split("~m~")[2] + "/send";
                heard.push(text);
                if (heard.length > says.length) {
                    resolve(heard);
                    return;
                }
                fetch(place, {
                    method: "POST",
                    headers: {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
                    body: "data=" + encodeURIComponent(says[heard.length - 1]),
                }).then((answer) => answer.ok || reject(new Error(String(answer.status))), reject);
            },
        };
        const frame = document.createElement("iframe");
        frame.src = "/socket.io/htmlfile//" + Date.now();
        document.body.appendChild(frame);
        setTimeout(() => reject(new Error("heard only " + JSON.stringify(heard))), 10000);
    });
}

async function main() {
    const {executable, clients, origin, says} = JSON.parse(fs.readFileSync(0, "utf8"));
    const browser = await launch(executable, clients);
    try {
        const page = await browser.newPage();
        await page.route("**/__page.html", (route) =>
            route.fulfill({contentType: "text/html", body: '<!doctype html><meta charset="utf-8"><title>htmlfile</title><body></body>'}),
        );
        await page.goto(`${origin}/__page.html`);
        process.stdout.write(JSON.stringify(await page.evaluate(hear, says)));
    } finally {
        await browser.close();
    }
}

main().catch((error) => {
    process.stderr.write(error.stack + "\n");
    process.exitCode = 1;
});
