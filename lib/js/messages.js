// Messages of a chat as they are shown: from the record, and of the turn that is not in it yet.

const keyOf = (generationId, role) => `${generationId}/${role}`;

/** A committed reply has no order of parts any more. */
function partsOf({ role, content, reasoning, tool_calls }) {
    if (role !== "assistant") return [];
    const parts = [];
    const add = (fields) => parts.push({ part: parts.length, node: null, ...fields });
    if (reasoning) add({ type: "reasoning", text: reasoning, signature: null });
    if (content) add({ type: "text", text: content });
    for (const call of tool_calls ?? [])
        add({ type: "tool_call", callId: call.call_id, name: call.name, arguments: call.arguments, isWhole: true, result: null });
    return parts;
}

export const messageOfRecord = (m) => ({
    key: keyOf(m.generation_id, m.role),
    id: m.id,
    role: m.role,
    text: m.content,
    parts: partsOf(m),
    attachments: m.attachments ?? [],
    state: "committed",
    generationId: m.generation_id,
    createdAt: m.created_at,
    steps: m.metadata?.steps ?? [],
    graph: m.metadata?.graph ?? null,
    model: m.model ?? null,
    finishReason: m.finish_reason ?? null,
    usage: m.usage ?? null,
    isCut: m.stopped === true,
    metadata: m.metadata ?? null,
});

const STATES = { failed: "failed", interrupted: "interrupted" };

/** The message and what there is of its reply. A turn that was given up without an end is shown as failed. */
export function messagesOfTurn({ reply, isRunning, generationId, createdAt, message, attachments, metadata }) {
    const state = reply.isCommitted ? "committed" : (STATES[reply.state] ?? (isRunning ? "pending" : "failed"));
    const common = { state, generationId, createdAt, isCut: reply.state === "stopped" };
    const asked = {
        key: keyOf(generationId, "user"),
        id: reply.userMessageId,
        role: "user",
        text: message,
        parts: [],
        attachments,
        steps: [],
        graph: null,
        model: null,
        finishReason: null,
        usage: null,
        metadata,
    };
    const answered = {
        key: keyOf(generationId, "assistant"),
        id: reply.messageId,
        role: "assistant",
        text: reply.text,
        parts: reply.parts,
        attachments: [],
        steps: reply.steps,
        graph: reply.graph,
        model: reply.model,
        finishReason: reply.finishReason,
        usage: reply.usage,
        metadata: null,
    };
    return [
        { ...common, ...asked },
        { ...common, ...answered },
    ];
}

/** What is before that message; everything where it is not there. */
export function before(messages, id) {
    const at = id === null ? -1 : messages.findIndex((m) => m.id === id);
    return at < 0 ? messages : messages.slice(0, at);
}
