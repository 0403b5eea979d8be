"use strict";

conformance.scenario("echo", "quick", async (act) => {
    const {texts} = act.cast;
    const talk = await act.connected();
    const singly = [];
    for (const text of texts) {
        singly.push(await talk.echo(text));
    }
    act.tell("singly", singly);

    // Over HTTP the first goes alone, and the rest in one request when that is through.
    texts.forEach((text) => talk.send(text));
    act.tell("from client", await talk.several("message", texts.length));

    talk.ask({burst: texts});
    act.tell("from server", await talk.several("message", texts.length));
    act.tell("events", [...new Set(talk.names())]);
});

// What decodes a percent sign too often breaks on these.
conformance.scenario("percent", "quick", async (act) => {
    const {percents} = act.cast;
    const talk = await act.connected();
    percents.forEach((text) => talk.send(text));
    act.tell("from client", await talk.several("message", percents.length));
    talk.ask({burst: percents});
    act.tell("from server", await talk.several("message", percents.length));
});

conformance.scenario("order", "quick", async (act) => {
    const numbers = Array.from({length: 200}, (_, number) => `${number}`);
    const talk = await act.connected();
    numbers.forEach((text) => talk.send(text));
    const first = await talk.several("message", numbers.length);
    talk.ask({burst: numbers});
    const second = await talk.several("message", numbers.length);
    act.tell("in order", [first.join() === numbers.join(), second.join() === numbers.join()]);
});

// Beyond what the server lets one response carry: 4 KiB at "echo", 128 KiB at "talk".
conformance.scenario("long", "quick", async (act) => {
    const text = "0123456789 \u0436\n".repeat(200 * 1024 / 13);
    for (const service of ["echo", "talk"]) {
        const talk = await act.connected({service});
        const found = [];
        for (let count = 0; count < 2; count++) {
            found.push((await talk.echo(text)) === text);
        }
        talk.send("short");
        talk.send(text);
        talk.send("end");
        found.push((await talk.several("message", 3)).map((message) => (message === text ? "long" : message)));
        act.tell(service, found);
    }
});
