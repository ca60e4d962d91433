// Keys and tokens of a real stack: a token that expires is asked for again, in mid-stream too; without one the error says so.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "sluice-client";
import { API, Cutter, until } from "./support.mjs";

const KEY = process.env.SLUICE_TEST_KEY;
const backend = createClient({ baseUrl: API, token: KEY });

/** A backend's function that gives tokens of one second, and counts. (On a busy machine one may be over before it is used: asked for at least so often.) */
function shortTokens(user) {
    const given = [];
    const token = async () => {
        const { token } = await backend.request("POST", "/v1/tokens", { user, ttl: 1 });
        given.push(token);
        return token;
    };
    const isOver = async () => (await fetch(`${API}/v1/models`, { headers: { Authorization: `Bearer ${given.at(-1)}` } })).status === 401;
    return { given, token, expiry: () => until(isOver, "the token to expire") };
}

test("an expired token is asked for again", async () => {
    const { given, token, expiry } = shortTokens("ann");
    const chat = createClient({ baseUrl: API, token }).chat();
    for (const n of [1, 2]) {
        const before = given.length;
        chat.setInput(`!sim tokens=2 delay_ms=1 ${n}`);
        assert.equal((await chat.send()).state, "done");
        assert.ok(given.length > before);
        await expiry();
    }
    const { data } = await createClient({ baseUrl: API, token }).request("GET", "/v1/chats");
    assert.deepEqual(data.map((c) => c.chat_id), [chat.state.chatId], "of this user");
});

test("... in mid-stream, when the connection is lost behind its end", async () => {
    const { given, token, expiry } = shortTokens("bob");
    const cutter = new Cutter(API);
    const client = createClient({ baseUrl: await cutter.listen(), token });
    const stream = client.streamMessage({ message: "!sim tokens=300 delay_ms=10 text=self", on_disconnect: "continue" });
    const cut = until(() => stream.reply.seq > 0, "the first event").then(expiry).then(() => cutter.cutAll());
    const reply = await stream.finish();
    await cut;
    cutter.close();
    assert.deepEqual([reply.state, reply.text.trim().split(" ").length, given.length > 1, cutter.cuts], ["done", 300, true, 0]);
});

test("... and by a stop", async () => {
    const { given, token, expiry } = shortTokens("eve");
    const client = createClient({ baseUrl: API, token });
    const stream = client.streamMessage({ message: "!sim tokens=2000 delay_ms=20" });
    const reading = stream.finish();
    await until(() => stream.reply.seq > 0, "the first event");
    await expiry();
    const before = given.length;
    assert.equal((await stream.stop().answer).outcome, "stopped");
    assert.ok(given.length > before);
    await reading;
});

test("without a key a chat says so, and goes on with one", async () => {
    let key = null;
    const chat = createClient({ baseUrl: API, token: () => key }).chat();
    chat.setInput("!sim tokens=2 delay_ms=1");
    await chat.send();
    assert.deepEqual([chat.state.error.code, chat.state.error.status, chat.state.canRetry], ["unauthorized", 401, true]);
    key = KEY;
    assert.equal((await chat.retry()).state, "done");
});
