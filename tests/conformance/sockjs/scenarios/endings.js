"use strict";

conformance.scenario("closed at once", "quick", async (act) => {
    const talk = act.connect({service: "close"});
    act.tell("close", await talk.next("close"));
    act.tell("events", talk.names());
    act.tell("seen", await act.hasSeenClose(talk));
});

// What was sent before comes before.
conformance.scenario("closed by server", "quick", async (act) => {
    const {reasons} = act.cast;
    const talks = [];
    const closes = [];
    for (const [code, reason] of reasons) {
        const talk = await act.connected();
        talk.ask({first: ["good", "bye"], close: [code, reason]});
        closes.push(await talk.next("close"));
        talks.push(talk);
    }
    act.tell("closes", closes);
    act.tell("words", talks.map((talk) => talk.log.filter(([name]) => name === "message").map(([, text]) => text)));
    act.tell("seen", await Promise.all(talks.map((talk) => act.hasSeenClose(talk))));
});

conformance.scenario("closed by client", "quick", async (act) => {
    for (const [name, ...close] of [["with a code", 3456, "\"so\" long"], ["by default"]]) {
        const talk = await act.connected();
        await talk.echo("here");
        talk.socket.close(...close);
        act.tell(name, await talk.next("close"));
        act.tell(`seen ${name}`, await act.hasSeenClose(talk));
    }
});

// Whoever plays this takes the server away at "waiting", and brings back one that has never heard of the session.
conformance.scenario("lost connection", "slow", async (act) => {
    const talk = await act.connected();
    await talk.echo("here");
    act.tell("waiting");
    const [code, , clean] = await talk.next("close", 2 * act.patience);
    act.tell("close", [code, clean]);
    for (const end = Date.now() + 2 * act.patience; ; await act.sleep(200)) {
        const again = act.connect();
        const first = await Promise.race([again.next("open").then(() => "open"), again.next("close").then(() => "close")]);
        if (first === "open") {
            act.tell("transport again", again.transport);
            act.tell("again", await again.echo("here again"));
            return;
        }
        if (Date.now() > end) {
            throw new Error("the server did not come back");
        }
    }
});
