// The reply put together from events: order of parts, calls, steps, positions, what is taken back, the end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ReplyAssembler } from "sluice-client";
import "./support.mjs";

/** Events with their seqs; those with one, or with `seq: null` (not in the log), keep it. */
function assemble(...events) {
    const assembler = new ReplyAssembler("g", "c");
    let seq = 0;
    for (const event of events) {
        const given = "seq" in event ? event.seq : seq + 1;
        if (given !== null) seq = given;
        assembler.add({ generation_id: "g", done: event.type === "done", ...event, seq: given ?? undefined });
    }
    return assembler.reply;
}

const delta = (text, part = 0, more = {}) => ({ type: "delta", part, text, ...more });
const done = { type: "done", message_id: "m2", user_message_id: "m1", finish_reason: "stop", model: "x", usage: { output: 2 } };

test("text, reasoning and refusal by parts", () => {
    const reply = assemble(
        { type: "queued", position: 3, message_id: "m2", user_message_id: "m1" },
        { type: "queued", position: 1, seq: null },
        { type: "started", model: "x", attempt: 1 },
        { type: "reasoning", part: 0, text: "be" },
        { type: "reasoning", part: 0, text: "cause" },
        { type: "reasoning", part: 0, text: "", signature: "s" },
        delta("a", 1),
        delta("b", 1),
    );
    assert.deepEqual(reply.parts, [
        { type: "reasoning", part: 0, node: null, text: "because", signature: "s" },
        { type: "text", part: 1, node: null, text: "ab" },
    ]);
    assert.equal(reply.text, "ab");
    assert.deepEqual([reply.state, reply.position, reply.model, reply.messageId, reply.userMessageId, reply.seq], ["running", null, "x", "m2", "m1", 7]);
    assert.equal(assemble({ type: "refusal", part: 0, text: "no" }).text, "no");
});

test("later positions", () => {
    assert.equal(assemble({ type: "queued", position: 3 }, { type: "queued", position: 1, seq: null }).position, 1);
    assert.equal(assemble({ type: "queued", position: 3 }, { type: "started" }, { type: "queued", position: 1, seq: null }).position, null);
});

test("parts of parallel nodes interleave on the wire only", () => {
    const reply = assemble(delta("b", 1, { node: "y" }), delta("a", 0, { node: "x" }), delta("B", 1), delta("A", 0), delta("", 2), delta("c", 3));
    assert.deepEqual(reply.parts.map((p) => [p.part, p.node, p.text]), [[0, "x", "aA"], [1, "y", "bB"], [2, null, ""], [3, null, "c"]]);
    assert.equal(reply.text, "aA\n\nbB\n\nc", "as the chat keeps it");
});

test("tool calls and their results", () => {
    const call = { part: 0, call_id: "k", name: "find" };
    const reply = assemble(
        { type: "tool_call_delta", ...call, arguments: '{"q":' },
        { type: "tool_call_delta", ...call, name: undefined, arguments: "1}" },
        { type: "tool_call", part: 1, call_id: "other", name: "find", arguments: "bad" },
        { type: "tool_result", call_id: "other", result: { a: [1] }, is_error: true },
        { type: "tool_result", call_id: "nobody", result: 1, is_error: false },
    );
    assert.deepEqual(reply.parts[0], { type: "tool_call", part: 0, node: null, callId: "k", name: "find", arguments: '{"q":1}', isWhole: false, result: null });
    assert.deepEqual(reply.parts[1].result, { value: { a: [1] }, isError: true });
    const whole = assemble({ type: "tool_call_delta", ...call, arguments: '{"q"' }, { type: "tool_call", ...call, arguments: '{"q":1}' });
    assert.deepEqual([whole.parts[0].arguments, whole.parts[0].isWhole], ['{"q":1}', true]);
    assert.equal(whole.text, "");
});

test("sources and steps", () => {
    const step = (status, more) => ({ type: "step", step: 1, node: "look", kind: "http", status, ms: 0, ...more });
    const reply = assemble(step("started"), { ...step("started"), node: "each/0" }, { type: "source", part: 0, url: "https://a.example", title: "A" },
        step("retrying", { error: { code: "timeout" } }), step("finished", { ms: 9 }));
    assert.deepEqual(reply.steps.map((s) => [s.step, s.node, s.status, s.ms, s.error]), [[1, "look", "finished", 9, null], [1, "each/0", "started", 0, null]]);
    assert.deepEqual(reply.parts, [{ type: "source", part: 0, node: null, url: "https://a.example", title: "A" }]);
});

test("each seq counts once", () => {
    assert.equal(assemble(delta("a"), delta("b"), delta("a", 0, { seq: 1 }), delta("b", 0, { seq: 2 }), delta("c", 0, { seq: 3 })).text, "abc");
});

test("reset voids what came after its mark", () => {
    const reply = assemble({ type: "queued" }, delta("a"), delta("b"), { type: "reset", after: 1 }, { type: "started", model: "y", attempt: 2 }, delta("c"));
    assert.deepEqual([reply.text, reply.seq, reply.attempt, reply.parts.length], ["c", 6, 2, 1]);
    const twice = assemble(delta("a"), { type: "reset", after: 0 }, delta("b"), { type: "reset", after: 2 }, delta("c"));
    assert.deepEqual([twice.text, twice.seq], ["c", 5]);
});

test("rewound drops the tail, whose seqs come again", () => {
    const reply = assemble(delta("a"), delta("b"), delta("c"), { type: "rewound", after: 1, seq: null }, delta("B", 0, { seq: 2 }), delta("C", 0, { seq: 3 }));
    assert.deepEqual([reply.text, reply.seq], ["aBC", 3]);
    assert.equal(assemble(delta("a"), { type: "rewound", after: 0, seq: null }).seq, 0);
});

test("the ends", () => {
    const reply = assemble(delta("a"), done, delta("late"));
    assert.deepEqual([reply.state, reply.text, reply.finishReason, reply.usage, reply.isCommitted, reply.seq], ["done", "a", "stop", { output: 2 }, true, 2]);
    const stopped = assemble({ type: "stopped", reason: "flag", committed: false, restore: { message: "m", attachments: [], metadata: null }, usage: {} });
    assert.deepEqual([stopped.state, stopped.reason, stopped.restore.message, stopped.isCommitted], ["stopped", "flag", "m", false]);
    assert.equal(assemble({ type: "stopped", committed: true }).isCommitted, true);
    const error = { code: "worker_lost", message: "x", retryable: true };
    const cut = assemble(delta("a"), { type: "interrupted", error, resumable: true });
    assert.deepEqual([cut.state, cut.error, cut.isResumable, cut.text], ["interrupted", error, true, "a"]);
});

test("what is not known changes nothing but the cursor", () => {
    const reply = assemble(delta("a"), { type: "of_a_later_version", part: 7 });
    assert.deepEqual([reply.text, reply.seq, reply.parts.length], ["a", 2, 1]);
});

test("a change makes new objects of what changed only", () => {
    const assembler = new ReplyAssembler("g", null);
    assembler.add({ ...delta("a", 0), seq: 1 });
    assembler.add({ ...delta("b", 1), seq: 2 });
    const earlier = assembler.reply;
    assembler.add({ ...delta("c", 1), seq: 3 });
    assert.notEqual(assembler.reply, earlier);
    assert.equal(assembler.reply.parts[0], earlier.parts[0]);
    assert.equal(earlier.parts[1].text, "b");
    assert.equal(assembler.add({ ...delta("c", 1), seq: 3 }), false);
});
