// A generation being read, over lost connections, to its end.
import { isWorthWaiting, networkError, protocolError, SluiceError } from "./errors.js";
import { pathOf, pauseAfter, sleep } from "./http.js";
import { isEnd, ReplyAssembler } from "./reply.js";
import { EventParser } from "./sse.js";

const FIRST_PAUSE_MS = 500; // where the server has not said `retry:`
const LEAST_PAUSE_MS = 10; // whatever it says
const STANDS_MS = 5_000; // a connection that lasted so long was a good one, even if nothing happened on it

function parseEvent(frame) {
    let event = null;
    try {
        event = JSON.parse(frame.data);
    } catch {
        throw protocolError("an event that is no JSON");
    }
    if (typeof event?.type !== "string") throw protocolError("an event without a type");
    return event;
}

const asSluiceError = (error) =>
    error instanceof SluiceError ? error : new SluiceError({ code: "protocol", message: "an event that makes no sense", cause: error });

export class MessageStream {
    #transport;
    #post; // gives {path, body}: what begins the generation; null when it has begun already
    #posted = null; // what it gave: the same bytes each time
    #first; // a connection that stands already
    #onWaiting;
    #restore;
    #assembler;
    #left; // aborted by stop and close
    #isAccepted;
    #isRead = false;
    #retryMs = FIRST_PAUSE_MS;

    constructor(transport, { generationId, chatId = null, post = null, first = null, left = new AbortController(), after = 0, restore = null, onWaiting }) {
        this.generationId = generationId;
        this.chatId = chatId;
        this.#left = left;
        this.#transport = transport;
        this.#post = post;
        this.#first = first;
        this.#isAccepted = post === null;
        this.#restore = restore;
        this.#onWaiting = onWaiting ?? (() => {});
        this.#assembler = new ReplyAssembler(generationId, chatId, after);
    }

    get reply() {
        return this.#assembler.reply;
    }

    stop() {
        this.close();
        const seen = this.reply.seq;
        const answer = this.#transport.stop({ generation_id: this.generationId, ...(seen > 0 && { seen }) });
        answer.catch(() => {}); // whoever does not look at it is not interrupted by it
        return { restore: this.#restore, answer };
    }

    close() {
        this.#left.abort();
    }

    async finish() {
        for await (const event of this) void event;
        return this.reply;
    }

    async *[Symbol.asyncIterator]() {
        if (this.#isRead) throw new TypeError("a stream is read once");
        this.#isRead = true;
        let patience = this.#transport.patience();
        for (let attempt = 0; !this.#isLeft; ) {
            const connection = { beganMs: Date.now(), isHeard: false, hasNews: false };
            let error;
            try {
                for await (const event of this.#connect(connection)) {
                    if (this.#isLeft) return;
                    if (!this.#assembler.add(event)) continue;
                    connection.hasNews = true;
                    yield event;
                    if (isEnd(event)) return;
                }
                error = networkError("the connection ended before the reply did");
            } catch (caught) {
                error = asSluiceError(caught);
            }
            if (this.#isLeft) return;
            if (!isWorthWaiting(error)) throw error;
            const isGood = connection.hasNews || (connection.isHeard && Date.now() - connection.beganMs > STANDS_MS);
            if (isGood) patience = this.#transport.patience();
            attempt = isGood ? 1 : attempt + 1;
            await this.#wait(error, attempt, patience);
        }
    }

    get #isLeft() {
        return this.#left.signal.aborted;
    }

    /** The events of one connection; `connection` is told how good it was. */
    async *#connect(connection) {
        const opened = this.#first ?? (await this.#open());
        this.#first = null;
        if (opened.status !== 200) {
            yield await this.#endByRecord();
            return;
        }
        this.#isAccepted = true;
        this.#onWaiting(null);
        const parser = new EventParser();
        for await (const bytes of opened.chunks()) {
            connection.isHeard = true;
            for (const frame of parser.push(bytes)) {
                yield parseEvent(frame);
            }
            this.#retryMs = Math.max(LEAST_PAUSE_MS, parser.retryMs ?? this.#retryMs);
        }
    }

    /** The first request is made again until it was answered: under its id it is one generation. From then on by GET. */
    async #open() {
        const accept = [204, 410];
        const signal = this.#left.signal;
        if (!this.#isAccepted) {
            const { path, body } = (this.#posted ??= this.#post());
            return this.#transport.openStream("POST", path, { body, signal, accept });
        }
        const { seq } = this.reply;
        const headers = seq > 0 ? { "Last-Event-ID": String(seq) } : {};
        return this.#transport.openStream("GET", pathOf("generations", this.generationId, "/stream"), { headers, signal, accept });
    }

    /** The log is no longer kept, or has nothing after the cursor: the record tells the end. */
    async #endByRecord() {
        const path = pathOf("generations", this.generationId);
        const record = await this.#transport.request("GET", path, undefined, { signal: this.#left.signal });
        const { state, seq, error, reason, restore, usage, finish_reason, model, output } = record;
        if (!["done", "stopped", "failed", "interrupted"].includes(state))
            throw new SluiceError({ code: "gone", message: "the log of the generation is no longer kept", status: 410 });
        const text = output?.text;
        if (text && this.reply.text === "") this.#assembler.add({ type: "delta", seq: this.reply.seq + 1, part: 0, text });
        return {
            type: state,
            generation_id: this.generationId,
            chat_id: record.chat_id,
            seq: Math.max(seq ?? 0, this.reply.seq + 1),
            done: state === "done",
            committed: restore === null,
            ...{ error, reason, restore, usage, finish_reason, model },
        };
    }

    async #wait(error, attempt, patience) {
        const ms = Math.max(error.retryAfterMs ?? 0, pauseAfter(attempt, this.#retryMs));
        if (ms > patience.leftMs()) throw error;
        this.#onWaiting({ attempt, ms, error });
        await sleep(ms, this.#left.signal);
    }
}
