"use strict";

// Plays cases with clients for Node: {scripts, cases} as JSON on stdin, facts as JSON lines on stdout. `scripts` are the files of the
// protocol, in the order in which they are run.

const fs = require("fs");

require("./stage.js");

function report(line) {
    process.stdout.write(JSON.stringify(line) + "\n");
}

// What a client throws where nobody can catch it is told, and the others go on.
process.on("uncaughtException", (error) => report({case: "", scenario: "", fact: "crash", value: error.stack}));

const {scripts, cases} = JSON.parse(fs.readFileSync(0, "utf8"));
scripts.forEach((file) => require(file));
Promise.all(cases.map((cast) => conformance.perform(cast, report))).then(() => process.exit(0));
