// The list of chats beside the conversation.

import { $, el } from "./dom.js";

const PAGE = 50;

export class ChatList {
    #rows = []; // of GET /v1/chats
    #next = null;
    #asked = 0;

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
        const older = this.#next !== null && this.#rows.length > PAGE ? this.#rows.slice(PAGE).filter((row) => !ids.has(row.chat_id)) : [];
        if (older.length === 0) this.#next = page.next;
        this.#rows = [...page.data, ...older];
        this.onchange();
    }

    async older() {
        const next = this.#next;
        if (next === null) return;
        const page = await this.client.request("GET", `/v1/chats?limit=${PAGE}&after=${encodeURIComponent(next)}`).catch(() => null);
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

    /** `begun`: [{chatId, title}] of chats that are being answered for the first time. */
    show(current, begun, running) {
        const rows = [...begun.filter((row) => this.find(row.chatId) === null), ...this.#rows.map((row) => ({ chatId: row.chat_id, title: row.title, isActive: row.active !== null }))];
        const items = rows.map((row) => this.#item(row, current, running));
        const focused = document.activeElement?.dataset.chat;
        $("chats").replaceChildren(...(items.length > 0 ? items : [el("li", { class: "none" }, "None yet")]));
        if (focused !== undefined) items.find((item) => item.firstChild.dataset.chat === focused)?.firstChild.focus();
        $("more").hidden = this.#next === null;
    }

    #item({ chatId, title, isActive }, current, running) {
        const isRunning = running.has(chatId) || (isActive && chatId !== current);
        const words = el("span", {}, title || "Untitled");
        const state = isRunning ? el("span", { class: "unseen" }, ", being answered") : null;
        return el("li", {}, el("a", { href: `/c/${chatId}`, "data-chat": chatId, class: isRunning ? "active" : null, "aria-current": chatId === current ? "page" : null, title }, words, state));
    }
}
