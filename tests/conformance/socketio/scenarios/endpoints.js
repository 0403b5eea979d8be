"use strict";

conformance.scenario("endpoints", "quick", async (act) => {
    const talk = await act.connected();
    const chat = talk.of("/chat");
    const news = talk.of("/news");
    await chat.next("connect");
    await news.next("connect");
    // The caller is known on an endpoint, too.
    act.tell("welcome", [(await chat.next("welcome"))[0] === talk.who, (await news.next("welcome"))[0] === talk.who]);

    chat.namespace.send("в чат 😀");
    act.tell("message", await chat.next("message"));
    chat.namespace.json.send([1]);
    act.tell("json", await chat.next("message"));
    news.namespace.emit("echo", "a", "b");
    act.tell("event", await news.next("echo"));
    act.tell("ack", await talk.answered(news.namespace.emit.bind(news.namespace), "add", 4, 5));
    chat.namespace.on("question", (text, answer) => answer("chat"));
    chat.namespace.emit("ask");
    act.tell("ack from client", await chat.next("answered"));

    chat.namespace.disconnect();
    act.tell("left", await act.hasSeen(talk, "/chat", "close"));
    news.namespace.emit("bye");
    await news.next("disconnect");
    act.tell("sent away", await act.hasSeen(talk, "/news", "close"));
    act.tell("root", await act.echo(talk, "still here"));
    act.tell("root events", talk.root.names());
});

conformance.scenario("unknown endpoint", "quick", async (act) => {
    const talk = await act.connected();
    const nowhere = talk.of("/nowhere");
    nowhere.namespace.send("hello?");
    act.tell("root", await act.echo(talk, "still here"));
    act.tell("events", nowhere.names());
});

conformance.scenario("refused endpoint", "quick", async (act) => {
    const talk = await act.connected();
    const closed = talk.of("/closed");
    await Promise.race([closed.next("disconnect"), closed.next("connect_failed")]);
    act.tell("root", await act.echo(talk, "still here"));
    act.tell("events", closed.log);
    act.tell("root events", talk.root.names());
});

// The router under "other" is told to refuse with an error.
conformance.scenario("endpoint refused with an error", "quick", async (act) => {
    const talk = await act.connected({resource: "other"});
    const closed = talk.of("/closed");
    await closed.next("connect_failed");
    act.tell("root", await act.echo(talk, "still here"));
    act.tell("events", closed.log);
});

conformance.scenario("refused handshake", "quick", async (act) => {
    const talk = act.connect({who: "refused"});
    act.tell("error", await talk.root.next("error"));
    act.tell("events", talk.root.names());
});
