// What of a text is which Markdown, by marked's lexer, in pieces. The invariant: the time that a piece takes is bounded, whatever a model
// wrote; several of marked's rules take quadratic or cubic time.

const LINES_MAX = 500; // of a piece: so long a list or table goes on as another one
const CHARS_MAX = 65_536; // of a piece
const DEPTH_MAX = 24; // of lists in quotes in lists; deeper is text
const MARKS_MAX = 300; // in one run of text; more are text
const MARKS_COST_MAX = 8 * MARKS_MAX ** 3; // in all runs of a piece: emphasis is found in cubic time
const LONG_WORD = /\S{2000}/; // addresses in a run with such a word are text

/** A line that the rules for tables and quotes would take too long for. */
const HARD = /^(?:(?:[^|\n]*\|){101}|(?: {0,3}>){25}).*/;
const HARD_BELOW = new RegExp(HARD.source, "m");
/** What begins code, up to the end of its line. */
const FENCE = /^ {0,3}(?:`{3,}[^`\n]*|~{3,}[^\n]*)\n/;
const OUTER_FENCE = /^(?:(`{3,})([^`\n]*)|(~{3,})([^\n]*))\n/;
const OUTER_FENCE_BELOW = /\n(?:`{3,}[^`\n]*|~{3,}[^\n]*)\n/;

/** Code between fences that begin a line, or null. It is found here, since marked makes spaces of its tabs and sees none without its last line end. */
function readCode(text) {
    const begin = OUTER_FENCE.exec(text);
    if (begin === null) return null;
    const mark = begin[1] ?? begin[3];
    const from = begin[0].length;
    const ends = new RegExp(`^ {0,3}${mark}[\`~]* *$`, "gm");
    ends.lastIndex = from;
    const end = ends.exec(text);
    const raw = end === null ? text : text.slice(0, ends.lastIndex);
    const code = end === null ? text.slice(from).replace(/(^|\n)(?:`+|~+)$/, "$1") : text.slice(from, end.index); // no half of an end
    return { type: "code", raw, lang: (begin[2] ?? begin[4]).trim(), text: code.replace(/\n$/, "") };
}

/** The text with one kind of line end, and spaces in place of the tabs that marked would replace. */
export function normal(text) {
    const lines = text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
    if (!lines.includes("\t")) return lines;
    let all = "";
    for (let rest = lines, part = ""; rest !== ""; rest = rest.slice(part.length)) {
        const code = readCode(rest);
        const below = code === null ? OUTER_FENCE_BELOW.exec(rest) : null;
        part = code?.raw ?? (below === null ? rest : rest.slice(0, below.index + 1));
        all += code !== null ? part : part.replace(/^( *)(\t+)/gm, (_, spaces, tabs) => spaces + "    ".repeat(tabs.length));
    }
    return all;
}

let Lexer = null;
let Tokenizer = null;

/** marked is a classic script that has run before the first text comes. */
function define({ marked }) {
    Tokenizer = class extends marked.Tokenizer {
        /** Also while the last line of the code is not ended. */
        fences(text) {
            return super.fences(text) ?? (FENCE.test(text) ? super.fences(text + "\n") : undefined);
        }
    };
    Lexer = class extends marked.Lexer {
        depth = 0;
        cost = 0;

        blockTokens(text, tokens = []) {
            if (this.depth > DEPTH_MAX) {
                tokens.push({ type: "plain", raw: text });
                return tokens;
            }
            this.depth++;
            super.blockTokens(text, tokens);
            this.depth--;
            return tokens;
        }

        inlineTokens(text, tokens = []) {
            const marks = text.match(/[*_`~[\]!<\\]/g)?.length ?? 0;
            this.cost += marks ** 3;
            const isEasy = marks <= MARKS_MAX && this.cost <= MARKS_COST_MAX && !LONG_WORD.test(text);
            if (isEasy) return super.inlineTokens(text, tokens);
            tokens.push({ type: "text", raw: text, text });
            return tokens;
        }
    };
}

function lex(text, links) {
    if (Lexer === null) define(globalThis);
    const lexer = new Lexer({ gfm: true, breaks: false, mangle: false, tokenizer: new Tokenizer() });
    Object.assign(lexer.tokens.links, links);
    return lexer.lex(text);
}

/** How much is read at once: up to code or a hard line; of what is too long, up to an empty line where there is one. */
function lengthOfPiece(text) {
    const code = OUTER_FENCE_BELOW.exec(text);
    let length = code !== null ? code.index + 1 : text.length;
    let lines = 0;
    for (let at = 0; (at = text.indexOf("\n", at) + 1) > 0 && at < length; ) if (++lines === LINES_MAX) length = at;
    const hard = HARD_BELOW.exec(text.slice(0, length));
    if (hard !== null) length = hard.index;
    if (length < CHARS_MAX) return length;
    const gap = text.lastIndexOf("\n\n", CHARS_MAX - 2);
    if (gap > CHARS_MAX / 2) return gap + 2;
    return /[\ud800-\udbff]/.test(text[CHARS_MAX - 1]) ? CHARS_MAX - 1 : CHARS_MAX;
}

const plain = (raw) => ({ tokens: [{ type: "plain", raw }], length: raw.length });

/** The beginning of a normal text: its tokens and its length. `links` are the definitions that were found so far; those of this piece are added. */
export function readPiece(text, links) {
    const code = readCode(text);
    if (code !== null) return { tokens: [code], length: code.raw.length };
    const near = text.slice(0, CHARS_MAX + 1);
    const hard = HARD.exec(near);
    if (hard !== null) return plain(hard[0]);
    const raw = near.slice(0, lengthOfPiece(near));
    try {
        const tokens = lex(raw, links);
        Object.assign(links, tokens.links);
        return { tokens: [...tokens], length: raw.length };
    } catch {
        return plain(raw); // the lexer does not survive it
    }
}
