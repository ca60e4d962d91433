// Markdown as it streams. marked's lexer tells what is what; the elements are made here, from a fixed list of kinds. What is none of
// them, HTML above all, is shown as the text that it is. Links lead to http, https and mailto only, and no image is fetched: a model
// must not make a reader's browser call anybody.

import { copyButton, el } from "./dom.js";

const DEPTH_MAX = 24; // of lists in quotes in lists; deeper is text
const MARKS_MAX = 300; // in one run of text: emphasis is found in cubic time, and a model could stop the page by it
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

let Lexer = null;

/** marked is a classic script that has run before the first text comes. */
function lexer() {
    Lexer ??= class extends globalThis.marked.Lexer {
        inlineTokens(text, tokens = []) {
            if ((text.match(/[*_`~[\]!<\\]/g)?.length ?? 0) <= MARKS_MAX) return super.inlineTokens(text, tokens);
            tokens.push({ type: "text", raw: text, text });
            return tokens;
        }
    };
    return new Lexer({ gfm: true, breaks: false, mangle: false });
}

/** The blocks of a text. A text that the lexer does not survive is one block of text. */
function read(text) {
    try {
        const tokens = lexer().lex(text);
        return { tokens, hasLinks: Object.keys(tokens.links ?? {}).length > 0 };
    } catch {
        return { tokens: [{ type: "plain", raw: text }], hasLinks: false };
    }
}

// -- the element -------------------------------------------------------------------------------------------------------------

/** A text that grows. What is settled is neither read nor made again; the element of its last block is, and at the end all of it once. */
export class Markdown {
    constructor() {
        this.element = el("div", { class: "md" });
        this.text = "";
        this.isWhole = false;
        this.blocks = []; // {raw, token, nodes}
        this.settled = { blocks: 0, chars: 0 };
        this.restsUntil = 0;
    }

    /** False: not now, it would take too much of the page's time; to be called again. */
    set(text, isWhole) {
        if (text === this.text && isWhole === this.isWhole) return true;
        const began = performance.now();
        if (!isWhole && began < this.restsUntil) return false;
        if (isWhole || !text.startsWith(this.text)) this.settled = { blocks: 0, chars: 0 }; // the end, or taken back
        this.text = text;
        this.isWhole = isWhole;
        const { tokens, hasLinks } = read(text.slice(this.settled.chars));
        this.#show(tokens, isWhole && hasLinks);
        if (!isWhole) this.#settle(tokens);
        const ended = performance.now();
        this.restsUntil = ended + REST * (ended - began);
        return true;
    }

    /** What comes may still change the last block; what is before it stays. */
    #settle(tokens) {
        const last = tokens.findLastIndex((token) => token.type !== "space");
        for (const token of tokens.slice(0, Math.max(last, 0))) {
            this.settled.blocks += 1;
            this.settled.chars += token.raw.length;
        }
    }

    #show(tokens, isAllNew) {
        tokens.forEach((token, i) => this.#place(this.settled.blocks + i, token, isAllNew));
        for (const block of this.blocks.splice(this.settled.blocks + tokens.length)) block.nodes.forEach((node) => node.remove());
    }

    #place(at, token, isAllNew) {
        const old = this.blocks[at];
        if (old !== undefined && !isAllNew && old.raw === token.raw && old.token.type === token.type) return;
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
