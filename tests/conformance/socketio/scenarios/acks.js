"use strict";

conformance.scenario("acks from server", "quick", async (act) => {
    const talk = await act.connected();
    const {namespace} = talk.root;
    const emit = namespace.emit.bind(namespace);
    act.tell("several", await talk.answered(emit, "add", 2, 3));
    act.tell("one", await talk.answered(emit, "describe", "😀\n"));
    act.tell("none", await talk.answered(emit, "nothing"));
    act.tell("message", await talk.answered(namespace.send.bind(namespace), "text"));
    act.tell("json", await talk.answered(namespace.json.send.bind(namespace.json), {a: 1}));
    act.tell("echoes", await talk.root.several("message", 2));
    // Several at once: each to its own.
    act.tell("at once", await Promise.all([1, 2, 3].map((number) => talk.answered(emit, "add", number, 10))));
});

conformance.scenario("acks from client", "quick", async (act) => {
    const talk = await act.connected();
    talk.root.namespace.on("question", (text, answer) => answer(text, "да 😀", {a: [1]}));
    talk.emit("ask");
    act.tell("event", await talk.root.next("answered"));
    talk.emit("ask for receipt");
    act.tell("message", await talk.root.next("message"));
    act.tell("receipt", await talk.root.next("receipt"));
});
