"use strict";

// The page's own query goes with all that the client asks for.
conformance.scenario("query", "quick", async (act) => {
    const talk = await act.connected({service: "talk", query: "&token=a%20%26%25+b"});
    talk.ask({argument: "token"});
    act.tell("token", (await talk.next("message"))[0]);
    act.tell("seen", await act.seen(talk));
    const {websocket, cookie_needed, origins, entropy} = await (await act.fetch("/talk/info?token=1&t=2")).json();
    act.tell("info", [websocket, cookie_needed, origins, Number.isSafeInteger(entropy)]);
});

// Where the server says that it has no WebSockets, the client takes what it has next.
conformance.scenario("without websocket", "quick", async (act) => {
    const talk = act.connect({service: "without_websocket", transports: ["websocket", act.cast.transport]});
    const first = await Promise.race([talk.next("open").then(() => "open"), talk.next("close")]);
    act.tell("first", first);
    act.tell("transport", talk.transport);
});

conformance.scenario("nowhere", "quick", async (act) => {
    const talk = act.connect({service: "nowhere"});
    act.tell("close", await talk.next("close"));
    act.tell("events", talk.names());
});

// Over several heartbeats, and beyond what a session lasts without a receiver.
conformance.scenario("idle", "slow", async (act) => {
    const talk = await act.connected({service: "beating"});
    for (let beat = 0; beat < 4; beat++) {
        await talk.next("heartbeat");
    }
    act.tell("awake", await talk.echo("awake"));
    act.tell("seen", await act.seen(talk));
});
