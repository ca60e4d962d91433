// What went wrong, in words, with what can be done about it. Under the conversation where a turn ended so, above the message box else.

import { $, el, icon } from "./dom.js";

const WORDS = {
    network: "Nobody answers. The message is not lost, and is not asked twice when you try again.",
    unauthorized: "The key or token is no longer valid.",
    busy: "This chat is answering another message. Wait for it, or stop it.",
    queue_full: "Too much is waiting already. Try again in a moment.",
    provider_truncated: "The model’s answer broke off before it was complete.",
    provider_rate_limited: "The model takes no more requests just now.",
    queue_timeout: "It waited too long for its turn.",
    worker_lost: "The process that was answering was lost.",
    timeout_first_token: "The model did not begin to answer in time.",
    timeout_idle: "The model fell silent.",
    gone: "The answer’s log is no longer kept.",
};
const REASONS = {
    user: "Stopped from another page.", // a stop of this one ends its stream before
    flag: "Stopped by another service. Your message is back in the box.",
    disconnect: "Stopped, since nobody was reading. Your message is back in the box.",
    busy: "Stopped, since another message took its place.",
    deleted: "This chat was deleted.",
    operator: "Stopped by the operator. Your message is back in the box.",
};

const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);
const wordsOf = (error) => WORDS[error.code] ?? sentence(error.message.charAt(0).toUpperCase() + error.message.slice(1));

/** For the notice: why a stopped turn was stopped, or null when the user knows. */
export const reasonText = (reason) => REASONS[reason] ?? null;

export class Trouble {
    /** actions: {retry(), takeBack()}. */
    constructor(log, actions) {
        this.log = log;
        this.actions = actions;
        this.error = null;
        this.element = null;
    }

    show({ error, canRetry }) {
        if (error === this.error && canRetry === this.canRetry) return;
        this.error = error;
        this.canRetry = canRetry;
        this.element?.remove();
        this.element = null;
        if (error === null) return;
        if (!canRetry) {
            notice(wordsOf(error), true);
            return;
        }
        const again = el("button", { class: "solid", type: "button", onclick: () => this.actions.retry() }, "Try again");
        const back = el("button", { class: "plain", type: "button", onclick: () => this.actions.takeBack() }, "Edit the message");
        const code = el("span", { class: "code" }, error.code);
        this.element = el(
            "div",
            { class: "trouble", role: "alert" },
            icon("alert"),
            el("div", {}, el("p", {}, wordsOf(error), " ", code), el("div", { class: "row" }, again, back)),
        );
        this.log.after(this.element);
    }
}

/** A line above the message box; "" takes it away. */
export function notice(text, isBad = false) {
    const box = $("notice");
    box.hidden = text === "";
    box.classList.toggle("bad", isBad);
    const close = el(
        "button",
        { class: "quiet", type: "button", "aria-label": "Close this notice", onclick: () => notice("") },
        icon("close"),
    );
    box.replaceChildren(el("span", { role: isBad ? "alert" : null }, text), close);
}
