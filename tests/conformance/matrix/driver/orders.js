"use strict";

// What both hosts of real clients obey: JSON lines on stdin, and JSON lines on stdout.
//
// {"join": member}                                a client joins; answered {"joined": name}
// {"say": name, "number", "data", "encoding"}     it publishes; answered {"said": name, "number"}
// It tells {"heard": name, "messages": [[data, encoding, id], ...]} of messages, and {"failed": name, "error": text} of what went wrong,
// where the name may be "".

const readline = require("readline");

function report(line) {
    process.stdout.write(JSON.stringify(line) + "\n");
}

function failed(name, error) {
    report({failed: name, error: String(error?.stack ?? error)});
}

// `join(member)` resolves to something with `say(data, encoding)`. Orders are begun in their order; at their end the process ends.
function obey(join) {
    const members = new Map();
    const lines = readline.createInterface({input: process.stdin});
    lines.on("line", async (line) => {
        const order = JSON.parse(line);
        const name = order.join?.name ?? order.say;
        try {
            if (order.join) {
                members.set(name, await join(order.join));
                report({joined: name});
            } else {
                await members.get(name).say(order.data, order.encoding);
                report({said: name, number: order.number});
            }
        } catch (error) {
            failed(name, error);
        }
    });
    return new Promise((resolve) => lines.on("close", resolve));
}

// Whoever gave the orders is gone: telling of that would fail again, for ever.
process.stdout.on("error", () => process.exit(1));
process.on("uncaughtException", (error) => failed("", error));

module.exports = {report, failed, obey};
