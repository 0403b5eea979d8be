"use strict";

// For hbpushd: channels of the hub by events, and as endpoints.

(() => {
    function caller(place) {
        return place.namespace.emit.bind(place.namespace);
    }

    async function subscribed(act, talk, ...more) {
        const [answer] = await talk.answered(caller(talk.root), "subscribe", `open.${talk.who}`, ...more);
        return answer;
    }

    async function publish(talk, message, place = talk.root) {
        const channel = place === talk.root ? [`open.${talk.who}`] : [];
        return (await talk.answered(caller(place), "publish", ...channel, message))[0];
    }

    // What a subscriber of the root gets: the messages' contents, once it is known that they are of the channel and have their ids.
    async function contents(talk, answers) {
        const messages = await talk.root.several("message", answers.length);
        for (const [index, {channel, id}] of messages.entries()) {
            if (channel !== `open.${talk.who}` || id !== answers[index].id) {
                throw new Error(`not message ${index}: ${JSON.stringify([messages, answers])}`);
            }
        }
        return messages.map((message) => message.data);
    }

    conformance.scenario("channel", "quick", async (act) => {
        const {texts, values} = act.cast;
        const talk = await act.connected();
        const {channel, missed} = await subscribed(act, talk);
        act.tell("subscribed", [channel === `open.${talk.who}`, missed]);
        const answers = await Promise.all([...texts, ...values].map((message) => publish(talk, message)));
        act.tell("messages", await contents(talk, answers));

        // Any page may post a plain text, though it may not read the answer.
        await act.fetch(`/publisher/${channel}`, {method: "POST", body: "по HTTP 😀", mode: "no-cors"});
        act.tell("by http", (await talk.root.next("message"))[0].data);

        act.tell("unsubscribed", (await talk.answered(caller(talk.root), "unsubscribe", channel))[0].channel === channel);
        const unheard = [await publish(talk, "unheard 1"), await publish(talk, "unheard 2")];
        const again = await subscribed(act, talk, answers.at(-1).id);
        act.tell("again", again.missed);
        act.tell("resumed", (await talk.root.several("message", 3)).map((message) => message.data));
        const last = await publish(talk, "live");
        act.tell("live", await contents(talk, [last]));
        act.tell("ids", new Set([...answers, ...unheard, last].map((answer) => answer.id)).size);
    });

    conformance.scenario("channel endpoint", "quick", async (act) => {
        const {texts, values} = act.cast;
        const talk = await act.connected();
        const channel = `open.${talk.who}`;
        const place = talk.of(`/${channel}`);
        await place.next("connect");
        for (const message of [...texts, ...values]) {
            place.namespace.emit("publish", message);
        }
        const messages = [];
        while (messages.length < texts.length + values.length) {
            messages.push(await place.next("message"));
        }
        act.tell("messages", messages.map((message) => message[0]));
        act.tell("channels", [...new Set(messages.map((message) => message[1].channel === channel))]);
        place.namespace.disconnect();
        await publish(talk, "unheard");
        act.tell("events", [...new Set(place.names())]);
        act.tell("root events", talk.root.names());
    });

    conformance.scenario("channel refused", "quick", async (act) => {
        const talk = await act.connected();
        act.tell("subscribe", Object.keys((await talk.answered(caller(talk.root), "subscribe", "closed"))[0]));
        act.tell("publish", Object.keys((await talk.answered(caller(talk.root), "publish", "closed", "x"))[0]));
        const place = talk.of("/closed");
        await Promise.race([place.next("disconnect"), place.next("connect_failed")]);
        act.tell("events", place.log);
        await subscribed(act, talk);
        act.tell("root", await contents(talk, [await publish(talk, "still here")]));
    });

    conformance.scenario("channel idle", "idle", async (act) => {
        const talk = await act.connected({resource: "socket.io"});
        await subscribed(act, talk);
        await act.sleep(1.3 * Math.max(talk.socket.heartbeatTimeout, talk.socket.closeTimeout));
        act.tell("events", talk.root.names());
        act.tell("messages", await contents(talk, [await publish(talk, "awake")]));
    });

    conformance.scenario("channel fallback", "slow", async (act) => {
        const talk = act.connect({transports: ["websocket", act.cast.transport], query: "&silent=1", "connect timeout": 1500});
        await talk.root.next("connecting");
        const {sid} = talk;
        await talk.root.next("connect");
        act.tell("transport", talk.transport);
        act.tell("same session", talk.sid === sid);
        await subscribed(act, talk);
        act.tell("messages", await contents(talk, [await publish(talk, "through")]));
    });

    conformance.scenario("channel of a lost session", "slow", async (act) => {
        const talk = await act.connected({reconnect: true});
        const {sid} = talk;
        const place = talk.of(`/open.${talk.who}`);
        await place.next("connect");
        act.tell("waiting");
        await talk.root.next("reconnect", 2 * act.patience);
        act.tell("new session", talk.sid !== sid);
        act.tell("transport again", talk.transport);
        // The client connects its endpoints itself; that subscribes them.
        await place.next("reconnect");
        await act.sleep(300);
        place.namespace.emit("publish", "here again");
        act.tell("endpoint", (await place.next("message"))[0]);
        await subscribed(act, talk);
        act.tell("messages", await contents(talk, [await publish(talk, "here, too")]));
    });
})();
