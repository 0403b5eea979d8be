"use strict";

conformance.scenario("connect", "quick", async (act) => {
    const talk = await act.connected();
    act.tell("welcome", (await talk.root.next("welcome"))[0] === talk.who);
    act.tell("events", talk.root.names());
    act.tell("timeouts", [talk.socket.heartbeatTimeout, talk.socket.closeTimeout]);
});

conformance.scenario("messages", "quick", async (act) => {
    const {texts} = act.cast;
    const talk = await act.connected();
    const singly = [];
    for (const text of texts) {
        singly.push(await act.echo(talk, text));
    }
    act.tell("singly", singly);

    // On polling the first goes alone, and the rest in one payload when that is through.
    texts.forEach((text) => talk.send(text));
    act.tell("batch from client", await talk.root.several("message", texts.length));

    talk.emit("burst", texts);
    act.tell("batch from server", await talk.root.several("message", texts.length));
});

conformance.scenario("json", "quick", async (act) => {
    const {values} = act.cast;
    const talk = await act.connected();
    values.forEach((value) => talk.root.namespace.json.send(value));
    act.tell("values", await talk.root.several("message", values.length));
});

conformance.scenario("events", "quick", async (act) => {
    const {values, texts} = act.cast;
    const talk = await act.connected();
    talk.emit("echo", ...values);
    act.tell("values", await talk.root.next("echo"));
    // One object only: arguments by name for a Python handler.
    talk.emit("echo", {color: "синий\n"});
    act.tell("object", await talk.root.next("echo"));
    talk.emit("count");
    act.tell("none", await talk.root.next("counted"));

    texts.forEach((text) => talk.emit("echo", text, "\n"));
    act.tell("batch from client", await talk.root.several("echo", texts.length));
    talk.emit("ticks", 5);
    act.tell("batch from server", await talk.root.several("tick", 5));
});
