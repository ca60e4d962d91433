// Streams that survive: against the real stack behind a proxy that cuts, and against answers that are played.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient, mintId } from "sluice-client";
import { API, askedFor, Cutter, getJson, jsonOf, pause, played, refusal, streamOf, until } from "./support.mjs";

const client = createClient({ baseUrl: API });
const self = (tokens, delay = 2) => `!sim text=self tokens=${tokens} delay_ms=${delay}`;
const delta = (seq, text) => ({ type: "delta", seq, part: 0, text, done: false });
const done = (seq) => ({ type: "done", seq, done: true, message_id: "m", user_message_id: "u", usage: {} });

async function read(stream, onEvent = () => {}) {
    const events = [];
    for await (const event of stream) {
        events.push(event);
        onEvent(event, events);
    }
    return events;
}

async function withCutter(next, body) {
    const cutter = new Cutter(API, next);
    try {
        await body(cutter, createClient({ baseUrl: await cutter.listen() }));
    } finally {
        cutter.close();
    }
}

/** Every event once and in order, and the text that the record has. */
async function assertWhole(stream, events) {
    const logged = events.filter((e) => e.seq !== undefined);
    assert.deepEqual(logged.map((e) => e.seq), logged.map((_, i) => i + 1));
    const record = await getJson(`${API}/v1/generations/${stream.generationId}`);
    assert.deepEqual([stream.reply.state, stream.reply.text], ["done", record.output.text]);
    assert.equal((await askedFor(stream.generationId)).length, 1);
}

test("a turn and a stateless generation", async () => {
    const stream = client.streamMessage({ message: self(20), params: { temperature: 0.5 } });
    await assertWhole(stream, await read(stream));
    assert.match(stream.generationId, /^gen_[0-9a-z]{26}$/);
    assert.match(stream.chatId, /^chat_/);
    const bare = client.streamMessage({ messages: [{ role: "user", content: self(3) }] });
    const reply = await bare.finish();
    assert.deepEqual([reply.state, reply.isCommitted, bare.chatId], ["done", true, null]);
    assert.equal(reply.usage.source, "provider");
});

test("cut anywhere, every event comes once and in order", async () => {
    const sizes = [1500, 700, 40, 2100, 1, 980];
    await withCutter(() => ({ after: sizes.pop() }), async (cutter, behind) => {
        const told = [];
        const stream = behind.streamMessage({ message: self(60), on_disconnect: "continue" }, { onWaiting: (w) => told.push(w) });
        await assertWhole(stream, await read(stream));
        assert.equal(cutter.cuts, 6);
        assert.ok(told.filter(Boolean).every((w) => w.error.code === "network" && w.attempt >= 1 && w.ms > 0), "each pause has its reason");
        assert.equal(told.at(-1), null);
    });
});

test("a POST that was cut before its answer is made again, and is one generation", async () => {
    let connections = 0;
    await withCutter(() => ({ after: ++connections <= 2 ? 0 : Infinity }), async (cutter, behind) => {
        const stream = behind.streamMessage({ message: self(10) });
        await assertWhole(stream, await read(stream));
        assert.deepEqual([cutter.cuts, connections], [2, 3]);
    });
});

test("nobody answers for a while in mid-stream", async () => {
    await withCutter(undefined, async (cutter, behind) => {
        const stream = behind.streamMessage({ message: self(100, 20), on_disconnect: "continue" });
        const events = await read(stream, (event) => {
            if (event.seq !== 20) return;
            cutter.refuses = true;
            cutter.cutAll();
            setTimeout(() => (cutter.refuses = false), 2000);
        });
        await assertWhole(stream, events);
    });
});

test("stop aborts at once, and the provider's connection is closed", async () => {
    const stream = client.streamMessage({ message: self(1000, 20), metadata: { a: 1 } });
    let stopped;
    const events = await read(stream, (_, all) => {
        if (all.length === 10) stopped = stream.stop();
    });
    assert.equal(events.length, 10);
    assert.deepEqual(stopped.restore, { message: self(1000, 20), attachments: [], metadata: { a: 1 } });
    const answer = await stopped.answer;
    assert.deepEqual([answer.outcome, answer.restore], ["stopped", stopped.restore]);
    const row = await until(async () => (await askedFor(stream.generationId)).find((r) => r.end), "the provider's end");
    assert.equal(row.end, "client_closed");
});

test("stop before the request has left", async () => {
    const stream = client.streamMessage({ message: self(10) });
    const { answer } = stream.stop();
    assert.equal((await answer).outcome, "will_stop");
    assert.deepEqual(await read(stream), []);
    const late = client.streamMessage({ message: self(10), generation_id: stream.generationId });
    assert.equal((await late.finish()).state, "stopped");
    assert.equal((await askedFor(stream.generationId)).length, 0);
});

test("stop after the end keeps the reply", async () => {
    const stream = client.streamMessage({ message: self(3) });
    await stream.finish();
    const answer = await stream.stop().answer;
    assert.deepEqual([answer.outcome, answer.committed, answer.restore], ["already_done", true, null]);
    assert.equal((await client.stop({ chat_id: stream.chatId })).outcome, "already_done");
});

test("close leaves, resume takes up, by id and by chat", async () => {
    const stream = client.streamMessage({ message: self(80, 10), on_disconnect: "continue" });
    const head = await read(stream, (_, all) => all.length === 20 && stream.close());
    const { generationId, chatId } = stream;
    const byChat = await client.resumeChat(chatId);
    assert.equal(byChat.generationId, generationId);
    const tail = client.resume(generationId, { after: head.at(-1).seq, chatId });
    const [whole, rest] = await Promise.all([read(byChat), read(tail)]);
    await assertWhole(byChat, whole);
    assert.equal(rest[0].seq, head.at(-1).seq + 1);
    assert.equal(head.length + rest.length, whole.length);
    assert.equal(await client.resumeChat(chatId), null, "nothing runs");
    assert.equal(await client.resumeChat(mintId("chat")), null, "nor in a chat that never was");
});

test("leaving the loop leaves the connection", async () => {
    await withCutter(undefined, async (cutter, behind) => {
        const left = new Promise((resolve) => cutter.server.once("connection", (socket) => socket.once("close", resolve)));
        const stream = behind.streamMessage({ message: self(500, 10) });
        for await (const event of stream) if (event.type === "delta") break;
        await left;
        assert.equal((await stream.stop().answer).outcome, "stopped");
        await assert.rejects(read(stream), TypeError, "a stream is read once");
    });
});

test("refusals are typed, and not waited for", async () => {
    const refused = async (request) => client.streamMessage(request).finish().then(() => assert.fail("it was taken"), (error) => error);
    const bad = await refused({ message: "x", params: { temperature: 3 } });
    assert.deepEqual([bad.name, bad.code, bad.status, bad.param, bad.retryable], ["SluiceError", "bad_request", 400, "params.temperature", false]);
    assert.equal((await refused({ message: "x", chat_id: "../x" })).code, "bad_request");
    assert.equal((await client.resume(mintId("gen")).finish().catch((error) => error)).code, "not_found");
    const first = client.streamMessage({ message: self(500, 20) });
    const reading = first.finish();
    await until(() => first.reply.seq > 0, "the first one");
    assert.equal((await refused({ message: "x", chat_id: first.chatId })).code, "busy");
    assert.equal((await refused({ message: "x", generation_id: first.generationId, chat_id: first.chatId })).code, "conflict");
    await first.stop().answer;
    await reading;
});

test("a failed generation ends its stream, and is no exception", async () => {
    const reply = await client.streamMessage({ message: "!sim fault=status:400" }).finish();
    assert.deepEqual([reply.state, reply.error.code, reply.restore.message], ["failed", "provider_refused", "!sim fault=status:400"]);
});

// -- answers that are played ---------------------------------------------------------------------------------------------

const playedClient = (answers, options) => {
    const { fetch, asked } = played(...answers);
    return { asked, client: createClient({ fetch, baseUrl: "http://sluice.test/", ...options }) };
};

test("5xx and 429 are waited for, as long as Retry-After says", async () => {
    const { client, asked } = playedClient([
        refusal(429, "queue_full", { "Retry-After": "1" }),
        new TypeError("no route"),
        new Response("<h1>Bad gateway</h1>", { status: 502, headers: { "Retry-After": new Date(Date.now() - 1000).toUTCString() } }),
        ({ signal }) => streamOf([delta(1, "a")], { signal }),
        refusal(500, "unavailable"),
        ({ signal }) => streamOf([done(2)], { signal }),
    ]);
    const pauses = [];
    const stream = client.streamMessage({ message: "hi", chat_id: "c" }, { onWaiting: (w) => pauses.push(w) });
    assert.equal((await stream.finish()).text, "a");
    assert.ok(pauses[0].ms >= 1000 && pauses[0].error.retryAfterMs === 1000, "Retry-After is the least");
    assert.deepEqual(pauses.filter(Boolean).map((w) => w.error.code), ["queue_full", "network", "unavailable", "network", "unavailable"]);
    assert.deepEqual(asked.map((r) => r.method), ["POST", "POST", "POST", "POST", "GET", "GET"]);
    assert.ok(asked.slice(1, 4).every((r) => r.body.generation_id === asked[0].body.generation_id), "one id");
    assert.equal(asked[0].url, "http://sluice.test/v1/chats/c/messages");
    assert.equal(asked[5].headers["Last-Event-ID"], "1");
});

test("patience ends: at once where more is asked for than there is", async () => {
    const often = Array.from({ length: 50 }, () => new TypeError("no route"));
    const { client } = playedClient(often, { patienceMs: 900 });
    const began = Date.now();
    await assert.rejects(client.streamMessage({ message: "hi" }).finish(), { code: "network", retryable: true });
    assert.ok(Date.now() - began < 1500);
    const day = playedClient([refusal(429, "rate_limited", { "Retry-After": "40000" })]);
    await assert.rejects(day.client.streamMessage({ message: "hi" }).finish(), { code: "rate_limited", retryAfterMs: 40_000_000 });
});

test("a connection that says nothing is taken for lost", async () => {
    const { client, asked } = playedClient(
        [({ signal }) => streamOf([delta(1, "a")], { hangs: true, signal }), ({ signal }) => streamOf([done(2)], { signal })],
        { silenceMs: 200 },
    );
    assert.equal((await client.streamMessage({ message: "hi" }).finish()).state, "done");
    assert.equal(asked[0].signal.aborted, true);
});

test("rewound and reset", async () => {
    const rewound = { type: "rewound", after: 1, done: false };
    const { client, asked } = playedClient([
        ({ signal }) => streamOf([delta(1, "a"), delta(2, "b"), rewound], { signal }),
        ({ signal }) => streamOf([delta(2, "c"), { type: "reset", seq: 3, after: 1, done: false }, delta(4, "d"), done(5)], { signal }),
    ]);
    const stream = client.streamMessage({ message: "hi" });
    const events = await read(stream);
    assert.equal(stream.reply.text, "ad");
    assert.equal(asked[1].headers["Last-Event-ID"], "1", "the cursor goes back too");
    assert.deepEqual(events.map((e) => e.type), ["delta", "delta", "rewound", "delta", "reset", "delta", "done"]);
});

test("a log that is gone: the record tells the end", async () => {
    const record = (more) => jsonOf(200, { generation_id: "g", chat_id: "c", seq: 9, usage: {}, error: null, reason: null, restore: null, output: { text: "all of it" }, ...more });
    const gone = refusal(410, "gone");
    const finish = (...answers) => playedClient(answers).client.streamMessage({ message: "hi" }).finish();
    const kept = await finish(gone, record({ state: "done", finish_reason: "stop" }));
    assert.deepEqual([kept.state, kept.text, kept.isCommitted, kept.finishReason], ["done", "all of it", true, "stop"]);
    const restore = { message: "hi", attachments: [], metadata: null };
    const stopped = await finish(refusal(410, "gone"), record({ state: "stopped", reason: "user", restore, output: null }));
    assert.deepEqual([stopped.state, stopped.isCommitted, stopped.restore], ["stopped", false, restore]);
    await assert.rejects(finish(refusal(410, "gone"), record({ state: "running" })), { code: "gone" });
    const { client } = playedClient([jsonOf(204), record({ state: "done" })]);
    assert.equal((await client.resume("g", { after: 8 }).finish()).state, "done");
});

test("what is not Sluice is said to be so", async () => {
    const page = () => new Response("<html>", { headers: { "Content-Type": "text/html" } });
    await assert.rejects(playedClient([page()]).client.streamMessage({ message: "hi" }).finish(), { code: "protocol" });
    await assert.rejects(playedClient([page()]).client.request("GET", "/v1/chats"), { code: "protocol" });
    await assert.rejects(playedClient([new Response("<html>", { status: 404 })]).client.request("GET", "/x"), { code: "protocol", status: 404 });
    const bad = new Response("data: {\n\n", { headers: { "Content-Type": "text/event-stream" } });
    await assert.rejects(playedClient([bad]).client.streamMessage({ message: "hi" }).finish(), { code: "protocol" });
});

test("a refused token is asked for again, once", async () => {
    let asks = 0;
    const token = async () => `t${++asks}`;
    const refused = () => refusal(401, "unauthorized");
    const { client, asked } = playedClient([refused(), jsonOf(200, { data: [] }), jsonOf(200, { data: [] }), refused(), refused()], { token });
    await client.request("GET", "/v1/chats");
    await client.request("GET", "/v1/chats");
    await assert.rejects(client.request("GET", "/v1/chats"), { code: "unauthorized", status: 401 });
    assert.deepEqual(asked.map((r) => r.headers.Authorization), ["Bearer t1", "Bearer t2", "Bearer t2", "Bearer t2", "Bearer t3"]);
    const fixed = playedClient([refused()], { token: "key" });
    await assert.rejects(fixed.client.request("GET", "/v1/chats"), { code: "unauthorized" });
    const none = playedClient([jsonOf(200, {})], { token: () => null });
    await none.client.request("GET", "/v1/chats");
    assert.equal(none.asked[0].headers.Authorization, undefined);
});

test("requests at the same time share one token, and one new one", async () => {
    let asks = 0;
    const token = async () => (await pause(5), `t${++asks}`);
    const answer = ({ headers }) => (headers.Authorization === "Bearer t1" ? refusal(401, "unauthorized") : jsonOf(200, {}));
    const { client, asked } = playedClient(Array.from({ length: 8 }, () => answer), { token });
    await Promise.all(Array.from({ length: 4 }, () => client.request("GET", "/v1/chats")));
    assert.deepEqual([asks, asked.length], [2, 8]);
});

test("a token function that fails is tried again", async () => {
    let asks = 0;
    const token = () => (++asks === 1 ? Promise.reject(new Error("offline")) : "t");
    const { client } = playedClient([({ signal }) => streamOf([done(1)], { signal })], { token });
    assert.equal((await client.streamMessage({ message: "hi" }).finish()).state, "done");
    const never = createClient({ token: () => Promise.reject(new Error("never")), patienceMs: 100 });
    await assert.rejects(never.request("GET", "/v1/chats"), { code: "token" });
});

test("a stop leaves in the same tick, is sent again until it is answered, and is kept alive", async () => {
    const answer = { outcome: "stopped", committed: false };
    const { client, asked } = playedClient([({ signal }) => streamOf([delta(1, "a")], { hangs: true, signal }), new TypeError("no route"), refusal(503, "unavailable"), jsonOf(200, answer)], { token: () => "t" });
    const stream = client.streamMessage({ message: "hi", generation_id: "g1" });
    const reading = read(stream);
    await until(() => stream.reply.seq === 1, "the first piece");
    const stopped = stream.stop();
    assert.equal(asked.length, 2, "in this tick");
    assert.deepEqual([asked[1].url, asked[1].body, asked[1].keepalive], ["http://sluice.test/v1/generations/g1/stop", { seen: 1 }, true]);
    assert.equal(asked[0].signal.aborted, true);
    assert.deepEqual(await stopped.answer, answer);
    assert.equal((await reading).length, 1);
    const byChat = playedClient([new TypeError("no route")]);
    await assert.rejects(byChat.client.stop({ chat_id: "c" }), { code: "network" }, "by chat it might hit the next turn: sent once");
});
