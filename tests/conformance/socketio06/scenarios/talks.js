"use strict";

// For clients 0.6: connections without events, endpoints or acknowledgements. What the other side understands is JSON:
// {who} says who comes, {burst: [...]} has all sent at once, {singly: [...]} one by one, {bye: 1} ends it; everything else is echoed.

(() => {
    const {scenario} = conformance;

    // Connect, and say who comes.
    async function connected(act, options) {
        const talk = await act.connected(options);
        talk.send({who: talk.who});
        await talk.root.next("message");
        return talk;
    }

    scenario("connect", "quick", async (act) => {
        const talk = await act.connected();
        talk.send({who: talk.who});
        act.tell("welcome", (await talk.root.next("message"))[0].welcome === talk.who);
        act.tell("events", talk.root.names());
        act.tell("seen", await act.seen(talk));
    });

    scenario("messages", "quick", async (act) => {
        const {texts} = act.cast;
        const talk = await connected(act);
        const singly = [];
        for (const text of texts) {
            singly.push(await act.echo(talk, text));
        }
        act.tell("singly", singly);

        // On polling the first goes alone, and the rest in one payload when that is through.
        texts.forEach((text) => talk.send(text));
        act.tell("in a row", await talk.root.several("message", texts.length));
        talk.send(texts);
        act.tell("batch from client", await talk.root.several("message", texts.length));

        talk.send({burst: texts});
        act.tell("batch from server", await talk.root.several("message", texts.length));
        talk.send({singly: texts});
        act.tell("in a row from server", await talk.root.several("message", texts.length));
    });

    scenario("json", "quick", async (act) => {
        const {values} = act.cast;
        const talk = await connected(act);
        values.forEach((value) => talk.send(value));
        act.tell("values", await talk.root.several("message", values.length));
        talk.send({burst: values});
        act.tell("batch from server", await talk.root.several("message", values.length));
    });

    // Several messages are one list, of which each item goes as it would alone; only objects go as JSON.
    scenario("lists", "quick", async (act) => {
        const talk = await connected(act);
        talk.send(["a", {b: "😀"}, [1, 2], 3, "я"]);
        act.tell("values", await talk.root.several("message", 5));
    });

    scenario("large", "quick", async (act) => {
        const talk = await connected(act);
        const text = "я😀\n".repeat(25_000);
        act.tell("same", (await act.echo(talk, text)) === text);
        act.tell("then", await act.echo(talk, "small"));
    });

    scenario("disconnect by client", "quick", async (act) => {
        const talk = await connected(act);
        await talk.disconnect();
        await talk.root.next("disconnect");
        act.tell("seen", await act.hasSeen(talk, "", "close"));
        act.tell("events", talk.root.names());
    });

    scenario("disconnect by server", "quick", async (act) => {
        // The end of a document means nothing to the client: by htmlfile it finds out when nothing has come for so long.
        const talk = await connected(act, {transportOptions: {htmlfile: {timeout: 4000}}});
        talk.send({bye: 1});
        await talk.root.next("disconnect");
        act.tell("seen", await act.hasSeen(talk, "", "close"));
        // The client still finds out that it did not connect in time, when it was sent away within that.
        const names = talk.root.names();
        act.tell("events", names.slice(0, names.indexOf("disconnect") + 1));
    });

    scenario("disconnect and reconnect", "slow", async (act) => {
        const talk = await connected(act);
        const {sid} = talk;
        await talk.disconnect();
        await talk.root.next("disconnect");
        talk.socket.connect();
        await talk.root.next("connect");
        act.tell("new session", talk.sid !== sid);
        act.tell("root", await act.echo(talk, "here again"));
    });

    // Whoever plays this takes the server away at "waiting", and brings back one that has never heard of the session.
    scenario("lost session", "slow", async (act) => {
        const talk = await connected(act, {reconnect: true});
        const {sid} = talk;
        act.tell("waiting");
        await talk.root.next("reconnect", 2 * act.patience);
        act.tell("new session", talk.sid !== sid);
        act.tell("root", await act.echo(talk, "here again"));
    });

    // What hbpushd is asked for is JSON, and so is what it says. Answers of an earlier kind are passed over.
    async function told(talk, type) {
        for (;;) {
            const [message] = await talk.root.next("message");
            if (message.type === type) {
                return message;
            }
        }
    }

    function asked(talk, request, type) {
        talk.send(request);
        return told(talk, type);
    }

    scenario("channel", "quick", async (act) => {
        const {texts, values} = act.cast;
        const talk = await act.connected();
        const channel = `open.${talk.who}`;
        act.tell("subscribed", (await asked(talk, {type: "subscribe", channel}, "subscribed")).missed);
        const heard = [];
        for (const data of [...texts, ...values]) {
            heard.push(await asked(talk, {type: "publish", channel, data}, "message"));
        }
        act.tell("messages", heard.map((message) => message.data));
        act.tell("channels", [...new Set(heard.map((message) => message.channel === channel))]);

        await act.fetch(`/publisher/${channel}`, {method: "POST", body: "по HTTP 😀", mode: "no-cors"});
        const last = await told(talk, "message");
        act.tell("by http", last.data);
        await asked(talk, {type: "unsubscribe", channel}, "unsubscribed");
        await asked(talk, {type: "publish", channel, data: "unheard"}, "published");
        act.tell("again", (await asked(talk, {type: "subscribe", channel, since: last.id}, "subscribed")).missed);
        act.tell("resumed", (await told(talk, "message")).data);
        act.tell("refused", (await asked(talk, {type: "subscribe", channel: "closed"}, "error")).request);
    });

    // Beyond what the client waits for anything, beyond three polls, and beyond all heartbeats that may stay unanswered.
    scenario("idle", "idle", async (act) => {
        const talk = await connected(act, {transportOptions: {[act.cast.transport]: {timeout: 8000}}});
        const {sid} = talk;
        await act.sleep(11_000);
        act.tell("events", talk.root.names());
        act.tell("root", await act.echo(talk, "awake"));
        act.tell("same session", talk.sid === sid);
    });

    // A poll beside the one that the client holds: it takes over, and what is sent meanwhile is not lost.
    scenario("two polls", "slow", async (act) => {
        const talk = await connected(act, {reconnect: true});
        const {sid} = talk;
        const poll = `/${act.cast.resource}/xhr-polling/${sid}`;
        await act.sleep(500);
        const second = act.fetch(`${poll}/1`).then((answer) => answer.text());
        second.catch(() => undefined);
        await act.sleep(300);
        await act.fetch(`${poll}/send`, {
            method: "POST",
            headers: {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
            body: "data=~m~13~m~to the second",
        });
        act.tell("second", await second);
        // The client finds out that it was sent away, and begins anew.
        await talk.root.next("reconnect", 2 * act.patience);
        act.tell("new session", talk.sid !== sid);
        act.tell("root", await act.echo(talk, "here again"));
    });
})();
