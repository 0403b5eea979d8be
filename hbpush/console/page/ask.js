// Requests to the console's own places, with the key if there is one; and how ids of channels are written in URLs.

const KEPT = "hbpush console key";

// Places are relative to the page, wherever a proxy has put it.
export const base = document.baseURI.replace(/[?#].*$/, "");

export class NeedsKey extends Error {}

export function useKey(key) {
    sessionStorage.setItem(KEPT, key);
}

// An id in UTF-8, percent-encoded. Halves of surrogate pairs from U+DC80 on stand for the bytes of ids that are not UTF-8.
export function encodeId(id) {
    let out = "";
    for (const character of id) {
        const code = character.codePointAt(0);
        if (code >= 0xdc80 && code <= 0xdcff) {
            out += "%" + (code - 0xdc00).toString(16);
        } else {
            out += encodeURIComponent(code >= 0xd800 && code <= 0xdfff ? "\ufffd" : character);
        }
    }
    return out;
}

// The answer of a place below console/, as JSON. Throws NeedsKey, or an Error with the reason that the server gives.
export async function ask(place, query = {}, body = undefined) {
    const url = new URL("console/" + place, base);
    url.search = Object.entries(query)
        .map(([name, value]) => `${name}=${encodeId(value)}`)
        .join("&");
    const key = sessionStorage.getItem(KEPT);
    // A header is bytes, of which fetch takes each as a character.
    const headers = key ? {"X-Api-Key": String.fromCharCode(...new TextEncoder().encode(key))} : {};
    const options = {headers, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(15000)};
    if (body !== undefined) {
        headers["Content-Type"] = "application/json";
        Object.assign(options, {method: "POST", body: JSON.stringify(body)});
    }
    const answer = await fetch(url, options);
    if (answer.status === 401) {
        throw new NeedsKey("the key is needed");
    }
    if (!answer.ok) {
        throw new Error((await answer.text()).trim() || `answered ${answer.status}`);
    }
    return answer.json();
}

// Why a subscription was refused, for a reader.
export function refusal(status, text) {
    const known = {
        404: "there is no such channel: publish to it first",
        409: "the channel has another subscriber, and its location lets one at a time wait",
        410: "the channel was deleted",
    };
    return `refused (${status}), trying again: ${text.trim() || known[status] || "the server does not say why"}`;
}

export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
