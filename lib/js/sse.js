// Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html, "Parsing" and "Interpreting an event stream".
import { protocolError } from "./errors.js";

const MAX_EVENT_CHARS = 8 * 1024 * 1024;

export class EventParser {
    #decoder = new TextDecoder(); // keeps half characters, drops the BOM at the beginning
    #maxChars;
    #tail = ""; // a line without its end yet
    #isAfterCr = false; // the last character was a CR: an LF that follows belongs to it
    #data = null; // the lines of the event so far; null without one
    #dataChars = 0;
    #event = "";
    #id = "";

    lastEventId = "";
    retryMs = null;

    constructor({ maxEventChars = MAX_EVENT_CHARS } = {}) {
        this.#maxChars = maxEventChars;
    }

    push(bytes) {
        const text = this.#decoder.decode(bytes, { stream: true });
        const events = [];
        if (text === "") return events;
        const ends = /\r\n?|\n/g;
        let from = this.#isAfterCr && text[0] === "\n" ? 1 : 0;
        ends.lastIndex = from;
        for (let end; (end = ends.exec(text)); from = ends.lastIndex) {
            const line = this.#tail + text.slice(from, end.index);
            this.#tail = "";
            this.#take(line, events);
        }
        this.#isAfterCr = text.endsWith("\r");
        this.#tail += text.slice(from);
        this.#limit();
        return events;
    }

    #limit() {
        if (this.#tail.length + this.#dataChars > this.#maxChars)
            throw protocolError(`an event of more than ${this.#maxChars} characters`);
    }

    #take(line, events) {
        if (line === "") return this.#dispatch(events);
        const colon = line.indexOf(":");
        if (colon === 0) return; // a comment
        const name = colon < 0 ? line : line.slice(0, colon);
        const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
        this.#field(name, value);
    }

    #field(name, value) {
        if (name === "data") {
            (this.#data ??= []).push(value);
            this.#dataChars += value.length + 1;
            this.#limit();
        } else if (name === "event") {
            this.#event = value;
        } else if (name === "id" && !value.includes("\0")) {
            this.#id = value;
        } else if (name === "retry" && /^[0-9]+$/.test(value)) {
            this.retryMs = Number(value);
        }
    }

    #dispatch(events) {
        this.lastEventId = this.#id;
        if (this.#data !== null) {
            const data = this.#data.join("\n");
            events.push({ event: this.#event || "message", data, lastEventId: this.#id });
        }
        this.#data = null;
        this.#dataChars = 0;
        this.#event = "";
    }
}
