"use strict";

// For hbpushd: a socket of SethPusher in a channel of the hub.
conformance.scenario("channel", "quick", async (act) => {
    const {texts} = act.cast;
    const talk = await act.connected({service: "connect"});
    const channel = talk.who;
    const say = (message) => talk.send(JSON.stringify(message));
    // Others come and go meanwhile, of which it is told.
    const heard = async (count) => {
        const found = [];
        while (found.length < count) {
            const {message} = JSON.parse((await talk.next("message"))[0]);
            if (!["connect", "disconnect"].includes(message.type)) {
                found.push(message);
            }
        }
        return found;
    };
    say({type: "connect", subscriber_id: "Анна"});
    say({type: "subscribe", channel});
    act.tell("notice", (await heard(1)).map(({subscriber_id, type}) => [type, subscriber_id]));

    // Any page may post a plain text, though it may not read the answer. What is no text of Unicode cannot be posted.
    const posted = texts.filter((text) => text && text.isWellFormed());
    for (const text of posted) {
        await act.fetch(`/publisher/${channel}`, {method: "POST", body: text, mode: "no-cors"});
    }
    const messages = await heard(posted.length);
    act.tell("messages", messages.filter((message, index) => message !== posted[index]));

    const body = JSON.stringify({sender_id: "Борис", body: "100% 😀"});
    await act.fetch(`/api/channels/${channel}/`, {method: "POST", body, mode: "no-cors"});
    act.tell("by api", await heard(1));

    say({type: "unsubscribe", channel});
    say({type: "subscribe", channel});
    act.tell("again", (await heard(1)).map(({type}) => type));
});
