"use strict";

conformance.scenario("disconnect by client", "quick", async (act) => {
    const talk = await act.connected();
    await talk.root.next("welcome");
    talk.of("/chat");
    await act.hasSeen(talk, "/chat", "open");
    await talk.disconnect();
    act.tell("reason", await talk.root.next("disconnect"));
    await act.hasSeen(talk, "/chat", "close");
    act.tell("seen", (await act.hasSeen(talk, "", "close")).sort());
    act.tell("events", talk.root.names());
});

conformance.scenario("disconnect by server", "quick", async (act) => {
    const talk = await act.connected({reconnect: true, "reconnection delay": 100});
    await talk.root.next("welcome");
    talk.emit("bye");
    act.tell("reason", await talk.root.next("disconnect"));
    act.tell("seen", await act.hasSeen(talk, "", "close"));
    await act.sleep(300);
    // Sent away for good: it does not come back.
    act.tell("events", talk.root.names());
});

// Clients from 0.9 can say it by a request of its own, when a page goes.
conformance.scenario("disconnect by request", "quick", async (act) => {
    const talk = await act.connected();
    await talk.root.next("welcome");
    talk.socket.disconnectSync();
    act.tell("reason", await talk.root.next("disconnect"));
    act.tell("seen", await act.hasSeen(talk, "", "close"));
});

conformance.scenario("disconnect and reconnect", "slow", async (act) => {
    const talk = await act.connected();
    const chat = talk.of("/chat");
    await chat.next("welcome");
    const {sid} = talk;
    await talk.disconnect();
    await talk.root.next("disconnect");
    // The end of the old connection reaches the client late, and it would take it for the end of the new one.
    await act.sleep(500);
    talk.socket.reconnect();
    await talk.root.next("reconnect");
    act.tell("new session", talk.sid !== sid);
    act.tell("transport again", talk.transport);
    await chat.next("welcome");
    act.tell("root", await act.echo(talk, "here again"));
    chat.namespace.send("here, too");
    act.tell("endpoint", await chat.next("message"));
    act.tell("first session", (await act.hasSeen(talk, "", "close")).filter(([endpoint, what]) => endpoint === "" && what === "close").length);
});

// With the clients' own delays: client 0.7 does not bear it when a handshake takes longer than these.
// Whoever plays this takes the server away at "waiting", and brings back one that has never heard of the session.
conformance.scenario("lost session", "slow", async (act) => {
    const talk = await act.connected({reconnect: true});
    const chat = talk.of("/chat");
    await chat.next("welcome");
    const {sid} = talk;
    act.tell("waiting");
    await talk.root.next("reconnect", 2 * act.patience);
    act.tell("new session", talk.sid !== sid);
    act.tell("transport again", talk.transport);
    await chat.next("welcome");
    act.tell("root", await act.echo(talk, "here again"));
    chat.namespace.send("here, too");
    act.tell("endpoint", await chat.next("message"));
});
