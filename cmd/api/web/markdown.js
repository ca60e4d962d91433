// Markdown as it streams. marked's lexer tells what is what; the elements are made here, from a fixed list of kinds. What is none of
// them, HTML above all, is shown as the text that it is. Links lead to http, https and mailto only, and no image is fetched: a model
// must not make a reader's browser call anybody.

import { copyButton, el } from "./dom.js";
import { normal, readPiece } from "./lexer.js";

const DEPTH_MAX = 24; // of lists in quotes in lists; deeper is text
const READ_MS = 12; // at once; then the page has its turn
const REST = 6; // between two readings, times what the last one took
const LINKS = new Set(["http:", "https:", "mailto:"]);
const ENTITIES = {
    amp: "&",
    lt: "<",
    gt: ">",
    quot: '"',
    apos: "'",
    nbsp: "\u00a0",
    copy: "©",
    hellip: "…",
    mdash: "—",
    ndash: "–",
    times: "×",
    rarr: "→",
    larr: "←",
    le: "≤",
    ge: "≥",
    ne: "≠",
};

function decode(text) {
    return text.replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(\w{2,8}));/g, (whole, decimal, hex, name) => {
        if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : whole;
        const code = decimal !== undefined ? Number(decimal) : parseInt(hex, 16);
        return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : "\ufffd";
    });
}

/** The address of a link, or null when it may lead nowhere. Relative ones do not: a model knows no page of ours. */
export function safeAddress(text) {
    try {
        const url = new URL(decode(text).trim());
        return LINKS.has(url.protocol) ? url.href : null;
    } catch {
        return null;
    }
}

export function link(address, ...children) {
    return el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

// -- inline ------------------------------------------------------------------------------------------------------------------

function inlineLink(token, depth) {
    const address = safeAddress(token.href);
    const inside = inlineAll(token.tokens, depth);
    return address === null ? el("span", {}, ...inside) : link(address, ...inside);
}

function inlineImage(token) {
    const address = safeAddress(token.href);
    const words = `[${decode(token.text) || "image"}]`;
    return address === null ? words : link(address, words);
}

const INLINE = {
    text: (token, depth) => (token.tokens ? inlineAll(token.tokens, depth) : [decode(token.raw)]),
    escape: (token) => [token.raw.slice(1)],
    strong: (token, depth) => [el("strong", {}, ...inlineAll(token.tokens, depth))],
    em: (token, depth) => [el("em", {}, ...inlineAll(token.tokens, depth))],
    del: (token, depth) => [el("del", {}, ...inlineAll(token.tokens, depth))],
    codespan: (token) => [el("code", {}, decode(token.text))],
    br: () => [el("br")],
    link: (token, depth) => [inlineLink(token, depth)],
    image: (token) => [inlineImage(token)],
    html: (token) => [/^<br\s*\/?>$/i.test(token.raw) ? el("br") : token.raw],
};

function inlineAll(tokens, depth) {
    if (depth > DEPTH_MAX) return (tokens ?? []).map((token) => token.raw);
    return (tokens ?? []).flatMap((token) =>
        Object.hasOwn(INLINE, token.type) ? INLINE[token.type](token, depth + 1) : [token.raw],
    );
}

// -- blocks ------------------------------------------------------------------------------------------------------------------

function codeBlock(token) {
    const language = (token.lang ?? "").trim().split(/\s/)[0].slice(0, 40);
    const code = el("code", {}, token.text);
    const name = el("span", {}, language || "text");
    const copy = copyButton(() => code.textContent, "Copy this code", "Copy");
    return el(
        "figure",
        { class: "code-block" },
        el("figcaption", { class: "code-head" }, name, copy),
        el("pre", { tabindex: "0" }, code),
    );
}

function listItem(item, depth) {
    const isTask = item.task === true;
    const mark = isTask
        ? [el("span", { role: "img", "aria-label": item.checked ? "done" : "open" }, item.checked ? "☑" : "☐"), " "]
        : [];
    const inside = item.loose
        ? blockAll(item.tokens, depth)
        : item.tokens.flatMap((token) => (token.type === "text" ? INLINE.text(token, depth) : blockAll([token], depth)));
    return el("li", { class: isTask ? "task" : null }, ...mark, ...inside);
}

function list(token, depth) {
    const start = token.ordered && token.start !== 1 && token.start !== "" ? token.start : null;
    return el(token.ordered ? "ol" : "ul", { start }, ...token.items.map((item) => listItem(item, depth)));
}

function table(token, depth) {
    const cell = (tag) => (content, i) =>
        el(
            tag,
            { class: { right: "right", center: "center" }[token.align[i]] ?? null, scope: tag === "th" ? "col" : null },
            ...inlineAll(content.tokens, depth),
        );
    const head = el("thead", {}, el("tr", {}, ...token.header.map(cell("th"))));
    const body = token.rows.map((row) => el("tr", {}, ...row.map(cell("td"))));
    return el(
        "div",
        { class: "table", tabindex: "0", role: "region", "aria-label": "Table" },
        el("table", {}, head, ...(body.length ? [el("tbody", {}, ...body)] : [])),
    );
}

const BLOCK = {
    space: () => [],
    def: () => [],
    hr: () => [el("hr")],
    code: (token) => [codeBlock(token)],
    html: (token) => [el("p", {}, token.raw.trim())],
    paragraph: (token, depth) => [el("p", {}, ...inlineAll(token.tokens, depth))],
    text: (token, depth) => [el("p", {}, ...INLINE.text(token, depth))],
    heading: (token, depth) => [el("h3", { class: "level-" + token.depth }, ...inlineAll(token.tokens, depth))], // below the page's own; a model skips levels
    blockquote: (token, depth) => [el("blockquote", {}, ...blockAll(token.tokens, depth))],
    list: (token, depth) => [list(token, depth)],
    table: (token, depth) => [table(token, depth)],
};

function blockAll(tokens, depth) {
    if (depth > DEPTH_MAX) return tokens.map((token) => el("p", {}, token.raw));
    return tokens.flatMap((token) =>
        Object.hasOwn(BLOCK, token.type) ? BLOCK[token.type](token, depth + 1) : [el("p", {}, token.raw)],
    );
}

// -- the element -------------------------------------------------------------------------------------------------------------

/** A text that grows. What is settled is neither read nor made again; the element of its last block is, and at the end all of it once. */
export class Markdown {
    constructor() {
        this.element = el("div", { class: "md", dir: "auto" });
        this.text = ""; // as it was given
        this.source = ""; // as it is read
        this.isWhole = false;
        this.isRead = true; // to its end
        this.blocks = []; // {raw, token, nodes}
        this.#beginAnew();
        this.restsUntil = 0;
    }

    #beginAnew() {
        this.settled = { blocks: 0, chars: 0 };
        this.links = {};
        this.isAllNew = false; // definitions were found: what was made without them is made again
    }

    /** False: not now, or not all of it, it would take too much of the page's time; to be called again. */
    set(text, isWhole) {
        const isSame = text === this.text && isWhole === this.isWhole;
        if (isSame && this.isRead) return true;
        const began = performance.now();
        if (!isWhole && began < this.restsUntil) return false;
        if (!isSame) this.#take(text, isWhole);
        while (!this.isRead && performance.now() - began < READ_MS) this.#read();
        const ended = performance.now();
        this.restsUntil = ended + REST * (ended - began);
        return this.isRead;
    }

    #take(text, isWhole) {
        if (isWhole || !text.startsWith(this.text)) this.#beginAnew(); // the end, or taken back
        this.text = text;
        this.source = normal(text);
        this.isWhole = isWhole;
        this.isRead = false;
    }

    /** A piece. What comes may still change the last block of the last one; what is before it stays. */
    #read() {
        const rest = this.source.slice(this.settled.chars);
        const { tokens, length } = readPiece(rest, this.links);
        const isLast = length === rest.length;
        this.#show(tokens, isLast);
        if (!isLast || this.isWhole) this.settled = { blocks: this.settled.blocks + tokens.length, chars: this.settled.chars + length };
        else this.#settle(tokens);
        this.isRead = isLast;
        if (!isLast || !this.isWhole || this.isAllNew || Object.keys(this.links).length === 0) return;
        this.settled = { blocks: 0, chars: 0 };
        this.isAllNew = true;
        this.isRead = false;
    }

    #settle(tokens) {
        const last = tokens.findLastIndex((token) => token.type !== "space");
        for (const token of tokens.slice(0, Math.max(last, 0))) {
            this.settled.blocks += 1;
            this.settled.chars += token.raw.length;
        }
    }

    #show(tokens, isLast) {
        tokens.forEach((token, i) => this.#place(this.settled.blocks + i, token));
        if (!isLast) return;
        for (const block of this.blocks.splice(this.settled.blocks + tokens.length)) block.nodes.forEach((node) => node.remove());
    }

    #place(at, token) {
        const old = this.blocks[at];
        if (old !== undefined && !this.isAllNew && old.raw === token.raw && old.token.type === token.type) return;
        if (old !== undefined && this.#growsInPlace(old, token)) return;
        const nodes = blockAll([token], 0);
        const next = this.blocks.slice(at + 1).find((block) => block.nodes.length > 0)?.nodes[0] ?? null;
        for (const node of old?.nodes ?? []) node.remove();
        for (const node of nodes) this.element.insertBefore(node, next);
        this.blocks[at] = { raw: token.raw, token, nodes };
    }

    /** Code that grows keeps its element, and with it what is selected and where it is scrolled. */
    #growsInPlace(old, token) {
        if (
            token.type !== "code" ||
            old.token.type !== "code" ||
            old.token.lang !== token.lang ||
            !token.text.startsWith(old.token.text)
        )
            return false;
        const code = old.nodes[0].querySelector("code");
        code.append(token.text.slice(old.token.text.length));
        old.raw = token.raw;
        old.token = token;
        return true;
    }
}
