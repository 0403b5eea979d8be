// Subscriptions by polls. Each is a function (place, channel, hear) -> stop; `place` is a URL, and `hear` has
// message({id, type, event, data, encoding}), notice(text), state(text). They go on by themselves after the last id that they had.

import {encodeId, refusal, sleep} from "./ask.js";

const AGAIN = 1000;

function base64(bytes) {
    let text = "";
    for (const byte of bytes) {
        text += String.fromCharCode(byte);
    }
    return btoa(text);
}

function decoded(bytes) {
    try {
        return {data: new TextDecoder("utf-8", {fatal: true}).decode(bytes)};
    } catch {
        return {data: base64(bytes), encoding: "base64"};
    }
}

// One poll after the other, until stopped. `target` makes the URL from the last id, `id` reads the id of an answer.
function polling(hear, target, id, missed, pause) {
    const given = new AbortController();
    let last = null;
    async function once() {
        const answer = await fetch(target(last), {signal: given.signal, cache: "no-store"});
        const bytes = new Uint8Array(await answer.arrayBuffer());
        if (answer.headers.get(missed)) {
            hear.notice("messages were missed");
        }
        last = id(answer.headers) ?? last;
        if (answer.headers.get("X-Tyron-Timeout") || answer.status === 304 || answer.status === 408) {
            hear.state("waiting");
            return pause;
        }
        if (answer.status === 200) {
            hear.message({id: last, type: answer.headers.get("Content-Type"), event: answer.headers.get("X-Relay-Event"), ...decoded(bytes)});
            hear.state("waiting");
            return 0;
        }
        hear.state(refusal(answer.status, new TextDecoder().decode(bytes)));
        return AGAIN;
    }
    (async () => {
        hear.state("waiting");
        while (!given.signal.aborted) {
            try {
                const rest = await once();
                if (rest) {
                    await sleep(rest);
                }
            } catch (error) {
                if (!given.signal.aborted) {
                    hear.state(`lost, trying again: ${error.message}`);
                    await sleep(AGAIN);
                }
            }
        }
    })();
    return () => given.abort();
}

function relayId(headers) {
    const second = Date.parse(headers.get("Last-Modified") ?? "");
    const tag = /\d+/.exec(headers.get("Etag") ?? "");
    return Number.isNaN(second) || tag === null ? null : `${second / 1000}:${tag[0]}`;
}

function relay(pause) {
    return (place, channel, hear) => {
        const url = place + encodeId(channel);
        return polling(hear, (last) => (last ? `${url}?last_event_id=${last}` : url), relayId, "X-Relay-Missed", pause);
    };
}

export const long = relay(0);
export const interval = relay(AGAIN);

export function tyron(place, channel, hear) {
    const url = `${place}${encodeId(channel)}/`;
    return polling(hear, (last) => (last ? `${url}?since=${last}` : url), (headers) => headers.get("X-Tyron-Id"), "X-Tyron-Missed", 0);
}
