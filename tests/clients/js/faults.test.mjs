// What a server, a proxy or a token function should not do, played: each ends in an error that says what it is, none in an endless loop or a chat that hangs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "sluice-client";
import { API, historyOf, jsonOf, pause, played, streamOf, until } from "./support.mjs";

const baseUrl = "http://sluice.test";
const delta = (seq, text) => ({ type: "delta", seq, part: 0, text });
const done = (seq) => ({ type: "done", seq, done: true, message_id: "msg_a", user_message_id: "msg_u" });
const bytesOf = (text) => new Response(text, { headers: { "Content-Type": "text/event-stream" } });
const again = (answer) => Array.from({ length: 500 }, () => answer);

const NONSENSE = {
    "no JSON": "data: {\n\n",
    "no object": "data: null\n\n",
    "a number": "data: 5\n\n",
    "a list": "data: []\n\n",
    "no type": 'data: {"seq":1}\n\n',
    "a piece of no part": 'data: {"type":"delta","seq":1,"text":"a"}\n\n',
};
for (const [what, text] of Object.entries(NONSENSE)) {
    test(`an event that is ${what}`, async () => {
        const { fetch } = played(bytesOf(text));
        const chat = createClient({ baseUrl, fetch }).chat();
        await chat.send({ text: "hi" });
        assert.deepEqual([chat.state.status, chat.state.error.name, chat.state.error.code, chat.state.canRetry], ["idle", "SluiceError", "protocol", true]);
    });
}

test("types that are names of what every object has", async () => {
    const types = ["toString", "valueOf", "constructor", "hasOwnProperty", "__proto__", "__defineGetter__"];
    const events = types.map((type, i) => ({ type, seq: i + 1 }));
    const { fetch } = played(streamOf([...events, delta(10, "a"), done(11)]));
    const reply = await createClient({ baseUrl, fetch }).streamMessage({ message: "hi" }).finish();
    assert.deepEqual([reply.state, reply.text], ["done", "a"]);
});

test("a stream that begins anew each time and never ends", async () => {
    const { fetch, asked } = played(...again(() => streamOf([{ type: "queued", seq: 1 }, delta(2, "a")])));
    const stream = createClient({ baseUrl, fetch, patienceMs: 400 }).streamMessage({ message: "hi" });
    await assert.rejects(stream.finish(), { code: "network" });
    assert.equal(stream.reply.text, "a");
    assert.ok(asked.length < 20, `${asked.length} connections`);
});

test("a server that says hello, come back at once", async () => {
    const { fetch, asked } = played(...again(() => bytesOf("retry: 0\n\n: ok\n\n")));
    await assert.rejects(createClient({ baseUrl, fetch, patienceMs: 400 }).streamMessage({ message: "hi" }).finish(), { code: "network" });
    assert.ok(asked.length < 20, `${asked.length} connections`);
});

test("a token that takes its time is no silence of the server's", async () => {
    const token = () => pause(400).then(() => "t");
    const { fetch, asked } = played(jsonOf(200, { data: [] }), streamOf([done(1)]));
    const options = { baseUrl, fetch, token, silenceMs: 40, patienceMs: 100 };
    assert.deepEqual(await createClient(options).request("GET", "/v1/chats"), { data: [] });
    assert.equal((await createClient(options).streamMessage({ message: "hi" }).finish()).state, "done");
    assert.deepEqual(asked.map((r) => r.headers.Authorization), ["Bearer t", "Bearer t"]);
});

test("a stop while the token function has not answered", async () => {
    let give;
    const token = () => new Promise((resolve) => (give = resolve));
    const { fetch, asked } = played(jsonOf(200, { outcome: "will_stop", committed: false }));
    const chat = createClient({ baseUrl, fetch, token }).chat();
    chat.setInput("hi");
    const over = chat.send();
    await until(() => give, "its question");
    const { answer } = chat.stop();
    assert.deepEqual([chat.state.input.text, chat.state.messages], ["hi", []]);
    assert.equal((await over).state, "waiting", "it does not wait for the token");
    give("t");
    assert.equal((await answer).outcome, "will_stop");
    await until(() => chat.state.status === "idle", "its answer");
    assert.deepEqual(asked.map((r) => r.url.replace(/gen_\w+/, "g")), [`${baseUrl}/v1/generations/g/stop`], "the message was never sent");
});

test("a chat that was deleted elsewhere is empty when it is looked at", async () => {
    const client = createClient({ baseUrl: API });
    const chat = client.chat();
    await chat.send({ text: "!sim tokens=2 delay_ms=0" });
    assert.deepEqual([chat.state.isSaved, chat.state.messages.length], [true, 2]);
    chat.setInput("draft");
    await client.request("DELETE", `/v1/chats/${chat.state.chatId}`);
    assert.equal(await chat.load(), true);
    assert.deepEqual([chat.state.isSaved, chat.state.messages, chat.state.title, chat.state.input.text], [false, [], null, "draft"]);
    await chat.send();
    assert.equal((await historyOf(chat.state.chatId)).length, 2, "what is said now begins it anew");
});
