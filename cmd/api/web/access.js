// The key or token of this tab, where the server wants one. It is kept in sessionStorage, and nowhere else.

import { $ } from "./dom.js";

const KEPT = "sluice.key";
const { route, home } = $("ask-key").dataset; // a route that every good key and token reaches; where to go without one
const WORDS = $("ask-key-text").textContent;
let held = sessionStorage.getItem(KEPT);
let isTried = false; // what is held was given before: whoever asks again was refused
let asking = null;

/** Whether the server takes it. */
async function isTaken(key) {
    const answer = await fetch(route, { headers: { Authorization: `Bearer ${key}` }, cache: "no-store" }).catch(() => null);
    return answer === null || (answer.status !== 401 && answer.status !== 403);
}

function ask(words) {
    const dialog = $("ask-key");
    const box = $("key");
    $("ask-key-text").textContent = words;
    box.value = "";
    if (!dialog.open) dialog.showModal();
    return new Promise((resolve) => {
        dialog.onsubmit = (event) => {
            event.preventDefault(); // it stays until the key is good
            resolve(box.value.trim());
        };
        dialog.oncancel = (event) => event.preventDefault(); // there is nothing to see without one
    });
}

async function askUntilTaken(isRefused) {
    let words = isRefused ? `That one is not valid, or no longer. ${WORDS}` : WORDS;
    for (;;) {
        const key = await ask(words);
        if (/^[\x21-\x7e]+$/.test(key) && (await isTaken(key))) {
            $("ask-key").close();
            sessionStorage.setItem(KEPT, key);
            held = key;
            $("forget").hidden = false;
            return key;
        }
        words = `The server does not know it, or not for this. ${WORDS}`;
    }
}

/** For the client: asked first, and again after each refusal. */
export async function token() {
    if (!isTried) {
        isTried = true;
        $("forget").hidden = held === null;
        return held;
    }
    asking ??= askUntilTaken(held !== null).finally(() => (asking = null));
    return asking;
}

export function forget() {
    sessionStorage.removeItem(KEPT);
    location.assign(home);
}
