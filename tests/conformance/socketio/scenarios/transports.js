"use strict";

conformance.scenario("idle", "idle", async (act) => {
    const talk = await act.connected({resource: "socket.io"});
    await talk.root.next("welcome");
    const {sid} = talk;
    // Beyond what the client waits for a heartbeat, beyond what it waits for any data, and beyond three beats.
    await act.sleep(1.3 * Math.max(talk.socket.heartbeatTimeout, talk.socket.closeTimeout));
    act.tell("events", talk.root.names());
    act.tell("root", await echoUnlessLost(act, talk, "awake"));
    act.tell("same session", talk.sid === sid);
});

// A JSONP client that is posting when a heartbeat comes breaks that off to answer it, and the message is lost: it says it again.
async function echoUnlessLost(act, talk, text) {
    if (act.cast.transport !== "jsonp-polling") {
        return act.echo(talk, text);
    }
    const echoed = talk.root.next("message");
    for (let attempt = 0; attempt < 5; attempt += 1) {
        talk.send(text);
        const heard = await Promise.race([echoed, act.sleep(700)]);
        if (heard) {
            return heard[0];
        }
    }
    return (await echoed)[0];
}

// The first transport does not get through within `patience` milliseconds; the next one has the session.
async function fallBack(act, query, patience, resource) {
    const talk = act.connect({transports: ["websocket", act.cast.transport], query, ...(resource && {resource}), "connect timeout": patience});
    await talk.root.next("connecting");
    const {sid} = talk;
    const first = talk.transport;
    await talk.root.next("connect");
    act.tell("transports", [first, talk.transport]);
    act.tell("same session", talk.sid === sid);
    act.tell("root", await act.echo(talk, "through"));
    act.tell("seen", await act.seen(talk));
}

conformance.scenario("fallback", "slow", (act) => fallBack(act, "&silent=1", 1500));

// A proxy that opens WebSockets and lets nothing through. The router under "other" looks for that, and gives such a one up after a second
// or two. A client has to wait that long: it takes the end of any transport for that of the one it has, and then sends nothing more.
conformance.scenario("fallback after a check", "slow", (act) => fallBack(act, "&deaf=1", 3500, "other"));

conformance.scenario("checked websocket", "quick", async (act) => {
    const talk = await act.connected({resource: "other"});
    act.tell("root", await act.echo(talk, "through"));
});

// A poll beside the one that the client holds: it takes over, and what is sent meanwhile is not lost.
conformance.scenario("two polls", "slow", async (act) => {
    const talk = await act.connected({reconnect: true});
    const {sid} = talk;
    const poll = `/${act.cast.resource}/1/xhr-polling/${sid}?t=1`;
    // After an echo the client polls at once, and that poll lasts for two seconds.
    await act.echo(talk, "ready");
    await act.sleep(500);
    const second = act.fetch(poll).then((answer) => answer.text());
    second.catch(() => undefined);
    await act.sleep(300);
    await act.fetch(poll, {method: "POST", body: "3:::to the second"});
    act.tell("second", await second);
    // The client finds out in its own time, and begins anew.
    await talk.root.next("reconnect", 2 * act.patience);
    act.tell("new session", talk.sid !== sid);
    act.tell("root", await act.echo(talk, "here again"));
});
