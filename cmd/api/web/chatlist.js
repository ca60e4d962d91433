// The list of chats beside the conversation.

import { $, el } from "./dom.js";

const PAGE = 50;
const DAY_MS = 86_400_000;

/** Under which heading a chat stands. */
function whenOf(at) {
    const before = new Date().setHours(0, 0, 0, 0) - at;
    return before <= 0 ? "Today" : before <= DAY_MS ? "Yesterday" : before <= 7 * DAY_MS ? "Last 7 days" : "Earlier";
}

export class ChatList {
    #rows = []; // of GET /v1/chats
    #next = null;
    #asked = 0;
    #shown = "";

    constructor(client) {
        this.client = client;
        $("more").addEventListener("click", () => void this.older());
    }

    /** The newest page again; older ones that were shown stay below it. */
    async refresh() {
        const asked = ++this.#asked;
        const page = await this.client.request("GET", `/v1/chats?limit=${PAGE}`).catch(() => null); // a token for one chat has no list
        if (page === null || asked !== this.#asked) return;
        const ids = new Set(page.data.map((row) => row.chat_id));
        const older =
            this.#next !== null && this.#rows.length > PAGE ? this.#rows.slice(PAGE).filter((row) => !ids.has(row.chat_id)) : [];
        if (older.length === 0) this.#next = page.next;
        this.#rows = [...page.data, ...older];
        this.onchange();
    }

    async older() {
        const next = this.#next;
        if (next === null) return;
        const page = await this.client
            .request("GET", `/v1/chats?limit=${PAGE}&after=${encodeURIComponent(next)}`)
            .catch(() => null);
        if (page === null || this.#next !== next) return;
        const ids = new Set(this.#rows.map((row) => row.chat_id));
        this.#rows.push(...page.data.filter((row) => !ids.has(row.chat_id)));
        this.#next = page.next;
        this.onchange();
    }

    onchange() {}

    find(chatId) {
        return this.#rows.find((row) => row.chat_id === chatId) ?? null;
    }

    forget(chatId) {
        this.#rows = this.#rows.filter((row) => row.chat_id !== chatId);
        this.onchange();
    }

    rename(chatId, title) {
        this.#rows = this.#rows.map((row) => (row.chat_id === chatId ? { ...row, title } : row));
        this.onchange();
    }

    /** `begun`: [{chatId, title}] of chats that are being answered for the first time; `running`: the ids of those that are read here. */
    show(current, begun, running) {
        const rows = this.#view(current, begun, running);
        const shown = JSON.stringify([current, this.#next, rows]);
        if (shown === this.#shown) return; // it is not made anew under somebody's mouse
        this.#shown = shown;
        const items = rows.flatMap((row, i) => {
            const heading = row.when === rows[i - 1]?.when ? [] : [el("li", { class: "when" }, row.when)];
            return [...heading, this.#item(row, current)];
        });
        const focused = document.activeElement?.dataset.chat;
        $("chats").replaceChildren(...(items.length > 0 ? items : [el("li", { class: "none" }, "None yet")]));
        if (focused !== undefined) $("chats").querySelector(`a[data-chat="${focused}"]`)?.focus();
        $("more").hidden = this.#next === null;
    }

    #view(current, begun, running) {
        const first = begun
            .filter(({ chatId }) => this.find(chatId) === null)
            .map(({ chatId, title }) => ({ chatId, title, when: "Today", isRunning: running.has(chatId) }));
        const saved = this.#rows.map((row) => ({
            chatId: row.chat_id,
            title: row.title,
            when: whenOf(row.updated_at),
            isRunning: running.has(row.chat_id) || (row.active !== null && row.chat_id !== current),
        }));
        return [...first, ...saved];
    }

    #item({ chatId, title, isRunning }, current) {
        const words = el("span", {}, title || "Untitled");
        const state = isRunning ? el("span", { class: "unseen" }, ", being answered") : null;
        return el(
            "li",
            {},
            el(
                "a",
                {
                    href: `/c/${chatId}`,
                    "data-chat": chatId,
                    class: isRunning ? "active" : null,
                    "aria-current": chatId === current ? "page" : null,
                    title,
                },
                words,
                state,
            ),
        );
    }
}
