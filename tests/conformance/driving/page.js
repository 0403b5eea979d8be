"use strict";

// A page of headless Chromium that has a client in it.

// Clients look for a script element to put theirs beside.
const PAGE = '<!doctype html><meta charset="utf-8"><title>clients</title><body><script src="/__client.js"></script></body>';

// Opens one in a context of its own: a context has connections of its own, and a browser opens no more than six to a server. The context,
// to be closed, and the page. Of `cast` count `page`, the origin of the page, `bundle`, the file of the client, `framed` where the server's
// own pages, in frames, load that from /__client.js too, and `limit`, the milliseconds that it may take. `scripts` are run in the page in
// their order; it may call `report`, and `crashed` gets what is thrown there where nobody can catch it.
async function open(browser, cast, scripts, report, crashed) {
    const context = await browser.newContext();
    try {
        await context.exposeFunction("report", report);
        const page = await context.newPage();
        page.on("pageerror", crashed);
        await page.route("**/__page.html", (route) => route.fulfill({contentType: "text/html", body: PAGE}));
        await page.route("**/__client.js", (route) => route.fulfill({contentType: "text/javascript", path: cast.bundle}));
        await page.goto(`${cast.page}/__page.html`, {timeout: cast.limit});
        if (!cast.framed) {
            await page.unrouteAll();
        }
        for (const file of scripts) {
            await page.addScriptTag({path: file});
        }
        return {context, page};
    } catch (error) {
        await context.close();
        throw error;
    }
}

module.exports = {open};
