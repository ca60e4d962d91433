// The reply, put together from events. Each change makes new objects of what changed and keeps the others.

export const emptyReply = (generationId, chatId) => ({
    generationId,
    chatId,
    state: "waiting",
    seq: 0,
    position: null,
    parts: [],
    text: "",
    steps: [],
    graph: null,
    model: null,
    attempt: 0,
    messageId: null,
    userMessageId: null,
    finishReason: null,
    usage: null,
    error: null,
    reason: null,
    restore: null,
    isCommitted: false,
    isResumable: false,
});

/** As the chat keeps it: text parts with an empty line between; without any, the refusal. Added up, not joined: a piece costs no copy. */
function textOf(parts) {
    const added = (type) =>
        parts.reduce((all, p) => (p.type !== type || p.text === "" ? all : all === "" ? p.text : all + "\n\n" + p.text), "");
    return added("text") || added("refusal");
}

const changed = (list, at, value) => list.map((item, i) => (i === at ? value : item));

/** The list with `change(the part of that number, or a fresh one)` in its place. */
function withPart(parts, event, fresh, change) {
    let at = parts.length;
    while (at > 0 && parts[at - 1].part >= event.part) at--;
    if (parts[at]?.part === event.part) return changed(parts, at, change(parts[at]));
    const part = change({ part: event.part, node: event.node ?? null, ...fresh });
    return [...parts.slice(0, at), part, ...parts.slice(at)];
}

const addText = (type, extra) => (reply, event) => {
    const fresh = { type, text: "", ...extra };
    const parts = withPart(reply.parts, event, fresh, (part) => ({
        ...part,
        text: part.text + (event.text ?? ""),
        ...(event.signature ? { signature: event.signature } : null),
    }));
    return { ...reply, parts, text: type === "reasoning" ? reply.text : textOf(parts) };
};

const addCall = (reply, event) => {
    const isWhole = event.type === "tool_call";
    const fresh = { type: "tool_call", callId: event.call_id, name: "", arguments: "", isWhole: false, result: null };
    const parts = withPart(reply.parts, event, fresh, (part) => ({
        ...part,
        name: event.name || part.name,
        arguments: isWhole ? event.arguments : part.arguments + event.arguments,
        isWhole,
    }));
    return { ...reply, parts };
};

/** To the last call of that id: a model may use an id again in its next turn. */
const addResult = (reply, event) => {
    const at = reply.parts.findLastIndex((p) => p.type === "tool_call" && p.callId === event.call_id);
    if (at < 0) return reply;
    const result = { value: event.result, isError: event.is_error };
    return { ...reply, parts: changed(reply.parts, at, { ...reply.parts[at], result }) };
};

const addStep = (reply, event) => {
    const { step, node, kind, status, ms = null, error = null } = event;
    const at = reply.steps.findIndex((s) => s.step === step && s.node === node);
    const row = { step, node, kind, status, ms, error };
    return { ...reply, steps: at < 0 ? [...reply.steps, row] : changed(reply.steps, at, row) };
};

const end = (reply, event) => ({
    ...reply,
    state: event.type,
    position: null,
    model: event.model ?? reply.model,
    messageId: event.message_id ?? reply.messageId,
    userMessageId: event.user_message_id ?? reply.userMessageId,
    finishReason: event.finish_reason ?? null,
    usage: event.usage ?? null,
    error: event.error ?? null,
    reason: event.reason ?? null,
    restore: event.restore ?? null,
    isCommitted: event.type === "done" || event.committed === true,
    isResumable: event.resumable === true,
});

const HANDLERS = {
    __proto__: null, // types come from outside
    queued: (reply, event) => ({
        ...reply,
        state: "queued",
        position: event.position ?? null,
        messageId: event.message_id ?? reply.messageId,
        userMessageId: event.user_message_id ?? reply.userMessageId,
    }),
    started: (reply, event) => ({
        ...reply,
        state: "running",
        position: null,
        graph: event.graph ?? reply.graph,
        model: event.model ?? reply.model,
        attempt: event.attempt ?? reply.attempt,
    }),
    delta: addText("text"),
    refusal: addText("refusal"),
    reasoning: addText("reasoning", { signature: null }),
    tool_call_delta: addCall,
    tool_call: addCall,
    tool_result: addResult,
    source: (reply, event) => ({
        ...reply,
        parts: withPart(reply.parts, event, { type: "source" }, (p) => ({ ...p, url: event.url, title: event.title ?? "" })),
    }),
    step: addStep,
    done: end,
    stopped: end,
    failed: end,
    interrupted: end,
};

export const isEnd = (event) => HANDLERS[event.type] === end;

const apply = (reply, event) => (HANDLERS[event.type] ?? ((same) => same))(reply, event);

export class ReplyAssembler {
    #events = []; // of the log, to begin again without those that were taken back; dropped at the end
    #isOver = false;

    constructor(generationId, chatId, after = 0) {
        this.reply = { ...emptyReply(generationId, chatId), seq: after };
    }

    add(event) {
        if (this.#isOver) return false;
        if (event.type === "rewound") return this.#takeBack(event.after, event.after);
        if (event.seq === undefined) return this.#addUnlogged(event);
        if (event.seq <= this.reply.seq) return false;
        if (event.type === "reset") return this.#takeBack(event.after, event.seq);
        this.reply = { ...apply(this.reply, event), seq: event.seq };
        this.#isOver = isEnd(event);
        if (this.#isOver) this.#events = [];
        else this.#events.push(event);
        return true;
    }

    /** A later position in the queue. */
    #addUnlogged(event) {
        if (this.reply.state !== "queued" || event.type !== "queued") return false;
        this.reply = apply(this.reply, event);
        return true;
    }

    #takeBack(after, seq) {
        this.#events = this.#events.filter((e) => e.seq <= after);
        const { generationId, chatId } = this.reply;
        this.reply = { ...this.#events.reduce(apply, emptyReply(generationId, chatId)), seq };
        return true;
    }
}
