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

// One poll after the other, until stopped. `target` makes the URL from the last place, which `placed` reads in an answer, with a message or
// without one: {id, query}.
function polling(hear, target, placed, missed, pause) {
    const given = new AbortController();
    let last = null;
    let isTold = false;
    async function once() {
        // Who is not answered soon is heard, and held.
        const held = setTimeout(() => hear.state("waiting"), AGAIN);
        const asked = fetch(target(last?.query ?? ""), {signal: given.signal, cache: "no-store"});
        const answer = await asked.finally(() => clearTimeout(held));
        const bytes = new Uint8Array(await answer.arrayBuffer());
        // Each answer before which messages were missed says so: of one gap also those that find nothing behind it.
        const isMissed = answer.headers.has(missed);
        if (isMissed && !isTold) {
            hear.notice("messages were missed");
        }
        isTold = isMissed && answer.status !== 200;
        last = placed(answer.headers) ?? last;
        if (answer.headers.get("X-Tyron-Timeout") || answer.status === 304 || answer.status === 408) {
            hear.state("waiting");
            return pause;
        }
        if (answer.status === 200) {
            hear.message({id: last?.id, type: answer.headers.get("Content-Type"), event: answer.headers.get("X-Relay-Event"), ...decoded(bytes)});
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

// Without an Etag it is the place before all messages of that second.
function relayPlace(headers) {
    const date = headers.get("Last-Modified");
    const second = Date.parse(date ?? "");
    if (Number.isNaN(second)) {
        return null;
    }
    const [tag] = /\d+/.exec(headers.get("Etag") ?? "") ?? [];
    const query = `?if_modified_since=${encodeURIComponent(date)}`;
    return tag === undefined ? {query} : {id: `${second / 1000}:${tag}`, query: `${query}&if_none_match=${tag}`};
}

function relay(pause) {
    return (place, channel, hear) => {
        const url = place + encodeId(channel);
        return polling(hear, (query) => url + query, relayPlace, "X-Relay-Missed", pause);
    };
}

export const long = relay(0);
export const interval = relay(AGAIN);

function tyronPlace(headers) {
    const id = headers.get("X-Tyron-Id");
    return id && {id, query: `?since=${id}`};
}

export function tyron(place, channel, hear) {
    const url = `${place}${encodeId(channel)}/`;
    return polling(hear, (query) => url + query, tyronPlace, "X-Tyron-Missed", 0);
}
