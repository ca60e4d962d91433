// Requests to sluice-api: the token, errors in one form, connections that fall silent, patience.
import { errorOfResponse, isWorthWaiting, networkError, protocolError, SluiceError } from "./errors.js";

const PATIENCE_MS = 120_000;
const SILENCE_MS = 45_000; // the server comments every 15 s
const LAST_PAUSE_MS = 15_000;

/** An id may come from an address bar: it must not lead elsewhere. */
export function pathOf(collection, id, rest = "") {
    if (!/^(?!\.+$)[A-Za-z0-9_.:-]{1,128}$/.test(id))
        throw new SluiceError({ code: "bad_request", message: "an id is 1 to 128 of A-Z a-z 0-9 _ . : -" });
    return `/v1/${collection}/${id}${rest}`;
}

/** Between half of it and all of it, so that those who were cut off together do not come back together. */
export const pauseAfter = (attempt, firstMs) =>
    Math.min(LAST_PAUSE_MS, firstMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);

/** Until then, until the signal, or until the browser is online again. */
export function sleep(ms, signal) {
    return new Promise((resolve) => {
        const wake = () => {
            clearTimeout(timer);
            signal?.removeEventListener("abort", wake);
            globalThis.removeEventListener?.("online", wake);
            resolve();
        };
        const timer = setTimeout(wake, ms);
        signal?.addEventListener("abort", wake);
        globalThis.addEventListener?.("online", wake);
        if (signal?.aborted) wake();
    });
}

/** A token as it was given, or what a function gave last. Those who ask together share one answer. */
class TokenSource {
    #given;
    #held; // a token, null where there is none, or the promise of either; undefined: to be asked for

    constructor(given) {
        this.#given = given;
    }

    /** At once where it is known: a stop must leave in the same tick. */
    get() {
        if (typeof this.#given !== "function") return this.#given ?? null;
        if (this.#held === undefined) this.#held = this.#ask();
        return this.#held;
    }

    async #ask() {
        try {
            const token = (await this.#given()) ?? null;
            this.#held = token;
            return token;
        } catch (cause) {
            this.#held = undefined;
            throw new SluiceError({ code: "token", message: "no token could be got", retryable: true, cause });
        }
    }

    /** That token was refused. False: there is no way to another. */
    refuse(token) {
        if (typeof this.#given !== "function") return false;
        if (this.#held === token) this.#held = undefined; // else somebody has asked again already
        return true;
    }
}

/** What the promise gives, unless the signal aborts first. */
function unlessAborted(promise, signal) {
    return new Promise((resolve, reject) => {
        const leave = () => reject(networkError("given up before there was a token"));
        signal.addEventListener("abort", leave);
        promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
        if (signal.aborted) leave();
    });
}

/** A signal that aborts with `outer`, or when nothing was heard for so long. */
class Watch {
    #controller = new AbortController();
    #outer;
    #timer;
    #heardMs = Date.now();

    constructor(silenceMs, outer) {
        this.#outer = outer;
        this.#timer = setInterval(() => Date.now() - this.#heardMs > silenceMs && this.#abort(), silenceMs / 4);
        outer?.addEventListener("abort", this.#abort);
        if (outer?.aborted) this.#abort();
    }

    get signal() {
        return this.#controller.signal;
    }

    #abort = () => {
        this.end();
        this.#controller.abort();
    };

    touch() {
        this.#heardMs = Date.now();
    }

    /** Until the next touch nothing is expected. */
    rest() {
        this.#heardMs = Infinity;
    }

    end() {
        clearInterval(this.#timer);
        this.#outer?.removeEventListener("abort", this.#abort);
    }
}

/** An answer whose body is read piece by piece. Whoever has it reads it or ends it. */
class Connection {
    #response;
    #watch;

    constructor(response, watch) {
        this.#response = response;
        this.#watch = watch;
        this.status = response.status;
        if (!response.body || !this.isStream) this.end();
    }

    get isStream() {
        return /^text\/event-stream\b/i.test(this.header("Content-Type") ?? "");
    }

    header(name) {
        return this.#response.headers.get(name);
    }

    async *chunks() {
        const reader = this.#response.body.getReader();
        try {
            for (;;) {
                const { done, value } = await reader.read().catch((cause) => {
                    throw networkError("the connection was lost", cause);
                });
                if (done) return;
                this.#watch.touch();
                yield value;
            }
        } finally {
            this.#watch.end();
            reader.cancel().catch(() => {}); // gone anyway, here and below
        }
    }

    end() {
        this.#watch.end();
        const body = this.#response.body;
        if (body && !body.locked) body.cancel().catch(() => {});
    }
}

export class Transport {
    #baseUrl;
    #fetch;
    #token;
    #patienceMs;
    #silenceMs;

    constructor({ baseUrl = "", token, fetch, patienceMs = PATIENCE_MS, silenceMs = SILENCE_MS } = {}) {
        this.#baseUrl = baseUrl.replace(/\/+$/, "");
        this.#token = new TokenSource(token);
        this.#fetch = fetch ?? ((...args) => globalThis.fetch(...args));
        this.#patienceMs = patienceMs;
        this.#silenceMs = silenceMs;
    }

    /** From now on; what came through starts a new one. */
    patience() {
        const endMs = Date.now() + this.#patienceMs;
        return { leftMs: () => endMs - Date.now() };
    }

    /** A stream, or one of the statuses in `accept`. */
    async openStream(method, path, { body, headers, signal, accept = [] } = {}) {
        const watch = new Watch(this.#silenceMs, signal);
        try {
            const response = await this.#send(method, path, { body, headers, watch });
            if (!response.ok && !accept.includes(response.status)) throw await errorOfResponse(response);
            const connection = new Connection(response, watch);
            if (response.status === 200 && !connection.isStream) throw protocolError("the answer is no event stream", 200);
            return connection;
        } catch (error) {
            watch.end();
            throw error;
        }
    }

    /** JSON for JSON; null for an answer without a body. Asked again while nobody answers if asking twice is asking once. */
    async request(method, path, body, { signal, keepalive, isSafe = method === "GET" } = {}) {
        const patience = this.patience();
        const text = body === undefined ? undefined : JSON.stringify(body);
        for (let attempt = 1; ; attempt++) {
            try {
                return await this.#ask(method, path, { body: text, signal, keepalive });
            } catch (error) {
                const ms = Math.max(error.retryAfterMs ?? 0, pauseAfter(attempt, 500));
                if (!isSafe || signal?.aborted || !isWorthWaiting(error) || ms > patience.leftMs()) throw error;
                await sleep(ms, signal);
            }
        }
    }

    /** By generation it is the same however often it is sent; by chat it might hit the next turn. */
    async stop({ generation_id, chat_id, ...body }) {
        const path = generation_id ? pathOf("generations", generation_id, "/stop") : pathOf("chats", chat_id, "/stop");
        return this.request("POST", path, body, { keepalive: true, isSafe: generation_id !== undefined });
    }

    async #ask(method, path, { body, signal, keepalive }) {
        const watch = new Watch(this.#silenceMs, signal);
        try {
            const response = await this.#send(method, path, { body, keepalive, watch });
            if (!response.ok) throw await errorOfResponse(response);
            if (response.status === 204) return null;
            return await response.json().catch((cause) => {
                if (cause instanceof SyntaxError) throw protocolError("the answer is no JSON", response.status);
                throw networkError("the connection was lost", cause);
            });
        } finally {
            watch.end();
        }
    }

    /** A token may take its time, as when somebody is asked for it: that is no silence of the server's. */
    async #tokenFor(given, watch) {
        watch.rest();
        const token = await unlessAborted(given, watch.signal);
        watch.touch();
        return token;
    }

    /** One request; a second one when the token was refused and there may be another. */
    async #send(method, path, { body, headers, watch, keepalive }) {
        for (let again = false; ; again = true) {
            const given = this.#token.get();
            const token = given instanceof Promise ? await this.#tokenFor(given, watch) : given;
            const init = {
                method,
                signal: watch.signal,
                keepalive,
                cache: "no-store",
                headers: {
                    ...headers,
                    ...(body !== undefined && { "Content-Type": "application/json" }),
                    ...(token && { Authorization: `Bearer ${token}` }),
                },
            };
            if (body !== undefined) init.body = body;
            const response = await this.#fetch(this.#baseUrl + path, init).catch((cause) => {
                throw networkError("the server could not be reached", cause);
            });
            if (response.status !== 401 || again || !this.#token.refuse(token)) return response;
            response.body?.cancel().catch(() => {});
        }
    }
}
