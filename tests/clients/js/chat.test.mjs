// One chat: what its state says at each moment of a turn, what a stop gives back and when, and that its messages are the server's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "sluice-client";
import { API, askedFor, Cutter, historyOf, jsonOf, pause, played, refusal, shown, streamOf, until } from "./support.mjs";

const client = createClient({ baseUrl: API });
const LONG = "!sim tokens=2000 delay_ms=20";
const SHORT = "!sim tokens=3 delay_ms=1";
const ANSWER = "This is a ";
const FILES = [{ type: "text", media_type: "text/plain", name: "a.txt", data: "aGk=" }];

const sent = (chat, text, options) => (chat.setInput(text), chat.send(options));
const streaming = (chat) => until(() => chat.state.status === "streaming", "the first piece");
const idle = (chat) => until(() => chat.state.status === "idle", "the end");
const isHistoryRight = async (chat) => assert.deepEqual(shown(chat), await historyOf(chat.state.chatId));

/** The statuses that a listener sees. */
function statusesOf(chat) {
    const seen = [chat.state.status];
    chat.subscribe(() => seen.at(-1) !== chat.state.status && seen.push(chat.state.status));
    return seen;
}

test("a turn from its message to its commit", async () => {
    const events = [];
    const chat = client.chat({ onEvent: (event) => events.push(event.type) });
    const statuses = statusesOf(chat);
    assert.deepEqual([chat.state.isSaved, chat.state.messages, chat.state.canRetry], [false, [], false]);
    const message = "!sim tokens=3 delay_ms=300";
    chat.setInput(message, 4);
    const over = chat.send();
    assert.deepEqual([chat.state.status, chat.state.input.text, chat.state.input.revision], ["sending", "", 1], "in this tick");
    assert.deepEqual(chat.state.messages.map((m) => [m.role, m.text, m.state]), [["user", message, "pending"], ["assistant", "", "pending"]]);
    const keys = chat.state.messages.map((m) => m.key);
    assert.equal(chat.state.isSaved, false, "an address is shown with the first done only");
    const reply = await over;
    assert.deepEqual([reply.state, reply.text, chat.state.isSaved], ["done", ANSWER, true]);
    assert.deepEqual(statuses.filter((s) => s !== "streaming"), ["idle", "sending", "idle"]); // pieces that come with the end are told with it
    assert.deepEqual(chat.state.messages.map((m) => [m.key, m.state]), keys.map((key) => [key, "committed"]));
    assert.ok(chat.state.messages.every((m) => m.id.startsWith("msg_")) && chat.state.messages[1].usage.output === 3);
    assert.deepEqual([events[0], events.at(-1)], ["queued", "done"]);
    await isHistoryRight(chat);
    const same = client.chat({ chatId: chat.state.chatId });
    assert.equal(await same.load(), true);
    assert.deepEqual(same.state.messages.map((m) => [m.key, m.id, m.text, m.parts]), chat.state.messages.map((m) => [m.key, m.id, m.text, m.parts]));
    assert.equal(same.state.title, message);
});

test("nothing to send, and one turn at a time", async () => {
    const chat = client.chat();
    assert.equal(await chat.send(), null);
    assert.equal(await sent(chat, " \n"), null);
    assert.equal(chat.stop(), null);
    assert.equal(await chat.retry(), null);
    const over = sent(chat, LONG);
    assert.equal(await chat.send({ text: "another" }), null);
    chat.stop();
    await over;
});

const MOMENTS = {
    "before its request has left": { message: LONG, wait: () => {} },
    "before the first token": { message: `${LONG} first_ms=5000`, attachments: [], wait: () => pause(60) },
    "in mid-stream": { message: LONG, wait: streaming },
};
for (const [moment, { message, attachments = FILES, wait }] of Object.entries(MOMENTS)) {
    test(`a stop ${moment}`, async () => {
        const chat = client.chat();
        const statuses = statusesOf(chat);
        chat.setAttachments(attachments);
        chat.setInput(message, 7);
        const over = chat.send();
        await wait(chat);
        const { revision } = chat.state.input;
        const stopped = chat.stop();
        assert.equal(chat.state.status, "stopping");
        assert.deepEqual(chat.state.messages, [], "the partial reply is gone in this tick");
        assert.deepEqual(chat.state.input, { text: message, attachments, cursor: 7, replaceFrom: null, revision: revision + 1 });
        assert.deepEqual(stopped.restore, { message, attachments, metadata: null });
        assert.match((await stopped.answer).outcome, /^(stopped|will_stop)$/);
        await idle(chat);
        await over;
        assert.deepEqual([chat.state.input.text, chat.state.isSaved, chat.state.error], [message, false, null]);
        assert.deepEqual(statuses.filter((s) => s !== "streaming"), ["idle", "sending", "stopping", "idle"]);
        assert.deepEqual(await historyOf(chat.state.chatId), []);
    });
}

test("stop and send again without a pause", async () => {
    const chat = client.chat();
    for (let i = 0; i < 20; i++) {
        const over = sent(chat, `${LONG} ${i}`);
        if (i % 2) await streaming(chat);
        chat.stop();
        chat.setInput(`${SHORT} ${i}`, 0);
        const again = chat.send();
        assert.equal(chat.state.status, "sending");
        await over;
        assert.equal((await again).state, "done");
    }
    assert.equal(chat.state.messages.length, 40);
    await isHistoryRight(chat);
});

test("what was typed meanwhile stays, behind what comes back", async () => {
    const chat = client.chat();
    const over = sent(chat, LONG);
    await streaming(chat);
    chat.setInput("draft");
    chat.stop();
    await over;
    assert.equal(chat.state.input.text, `${LONG}\ndraft`);
    await idle(chat);
});

/** A turn whose `done` is in the chat and does not arrive here: its stop comes too late. */
async function tooLate(body) {
    let connections = 0;
    const cutter = new Cutter(API, () => (++connections === 1 ? { after: 1200, holds: true } : {}));
    const chat = createClient({ baseUrl: await cutter.listen() }).chat();
    try {
        const over = sent(chat, LATE);
        await until(async () => (await historyOf(chat.state.chatId)).length === 2, "the commit");
        await streaming(chat);
        chat.setInput("draft");
        await body(chat);
        await over;
        await isHistoryRight(chat);
    } finally {
        cutter.close();
    }
}

const LATE = "!sim tokens=40 delay_ms=1";

test("a stop that comes too late: the reply is shown, the restored text goes away", () =>
    tooLate(async (chat) => {
        const { answer } = chat.stop();
        assert.deepEqual([chat.state.messages, chat.state.input.text, chat.state.isSaved], [[], `${LATE}\ndraft`, false]);
        assert.equal((await answer).outcome, "already_done");
        await idle(chat);
        assert.deepEqual([chat.state.messages.length, chat.state.input.text, chat.state.isSaved], [2, "draft", true]);
    }));

test("... but not what the user has touched", () =>
    tooLate(async (chat) => {
        chat.stop();
        chat.setInput(chat.state.input.text, 0); // the cursor alone is no touch
        chat.setInput("typo fixed");
        await idle(chat);
        assert.deepEqual([chat.state.messages.length, chat.state.input.text], [2, "typo fixed"]);
    }));

test("... and what was sent again comes behind it", () =>
    tooLate(async (chat) => {
        chat.stop();
        assert.equal((await sent(chat, SHORT)).state, "done");
        const [first, , ...rest] = shown(chat).map(([, text]) => text);
        assert.deepEqual([first, ...rest], [LATE, SHORT, ANSWER]);
    }));

test("two hundred stops at random moments", async () => {
    const outcomes = {};
    const ms = [];
    const one = async (n) => {
        const chat = client.chat();
        const first = `!sim tokens=2 delay_ms=0 ${n}`;
        if (n % 2) await sent(chat, first); // else a new chat
        const message = `!sim tokens=25 delay_ms=10 first_ms=20 ${n}`;
        const length = chat.state.messages.length;
        const over = sent(chat, message);
        await pause(Math.random() * 280);
        const began = performance.now();
        const stopped = chat.stop();
        if (stopped) {
            ms.push(performance.now() - began);
            assert.deepEqual([chat.state.input.text, chat.state.messages.length], [message, length], "restored");
            const { outcome, committed } = await stopped.answer;
            outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
            await idle(chat);
            assert.equal(chat.state.input.text, committed ? "" : message);
            assert.equal(chat.state.messages.length, committed ? length + 2 : length);
        }
        await over;
        await isHistoryRight(chat);
        return stopped !== null;
    };
    let stops = 0;
    for (let n = 0; stops < 200; n += 10) {
        const all = await Promise.all(Array.from({ length: 10 }, (_, i) => one(n + i)));
        stops += all.filter(Boolean).length;
    }
    ms.sort((a, b) => a - b);
    console.log(`figure: ${stops} stops, all restored: ${JSON.stringify(outcomes)}; in ${ms[100].toFixed(2)} ms (median; p99 ${ms[Math.floor(stops * 0.99)].toFixed(2)} ms)`);
    assert.ok(outcomes.stopped > 10, "not all of them too early or too late");
});

test("a stop from elsewhere gives the message back too", async () => {
    const chat = client.chat();
    const over = sent(chat, LONG);
    await streaming(chat);
    await client.stop({ chat_id: chat.state.chatId });
    assert.equal((await over).state, "stopped");
    assert.deepEqual([chat.state.status, chat.state.input.text, chat.state.messages], ["idle", LONG, []]);
});

test("edit: the message and all after it give way, a stop brings both back", async () => {
    const chat = client.chat();
    for (const n of [1, 2]) await sent(chat, `${SHORT} ${n}`);
    const before = shown(chat);
    chat.setInput("draft");
    chat.edit(chat.state.messages[0].id);
    assert.deepEqual([chat.state.input.text, chat.state.input.replaceFrom], [`${SHORT} 1`, chat.state.messages[0].id]);
    chat.cancelEdit();
    assert.deepEqual([chat.state.input.text, chat.state.input.replaceFrom], ["draft", null]);
    chat.setInput("");
    chat.edit(chat.state.messages[0].id);
    chat.setInput(`${LONG} edited`);
    const over = chat.send();
    assert.equal(chat.state.messages.length, 2, "while it is answered the rest is out of sight");
    await streaming(chat);
    const { answer } = chat.stop();
    assert.deepEqual(shown(chat), before);
    assert.deepEqual([chat.state.input.text, chat.state.input.replaceFrom], [`${LONG} edited`, chat.state.messages[0].id]);
    await answer;
    await over;
    await isHistoryRight(chat);
    chat.setInput(`${SHORT} edited`);
    await chat.send();
    assert.deepEqual(shown(chat), [["user", `${SHORT} edited`], ["assistant", ANSWER]]);
    await isHistoryRight(chat);
});

test("regenerate: another reply to the same message; stopped, the old one stands", async () => {
    const chat = client.chat();
    for (const n of [1, 2]) await sent(chat, `!sim tokens=8 delay_ms=30 ${n}`);
    const before = chat.state.messages;
    chat.setInput("draft");
    const over = chat.regenerate();
    await streaming(chat);
    assert.equal(chat.state.messages.length, 4);
    chat.stop();
    await over;
    await idle(chat);
    assert.deepEqual([chat.state.messages, chat.state.input.text], [before, "draft"]);
    await chat.regenerate(before[1].id);
    assert.deepEqual(shown(chat), shown({ state: { messages: before.slice(0, 2) } }));
    assert.notEqual(chat.state.messages[0].id, before[0].id);
    await isHistoryRight(chat);
});

test("a reload in mid-stream shows the message being answered, and another page can stop it", async () => {
    const chat = client.chat();
    await sent(chat, SHORT);
    const over = sent(chat, "!sim tokens=400 delay_ms=10 text=self");
    await streaming(chat);
    const reloaded = client.chat({ chatId: chat.state.chatId });
    await reloaded.load();
    await streaming(reloaded);
    assert.deepEqual(reloaded.state.messages.map((m) => m.key), chat.state.messages.map((m) => m.key));
    assert.ok(reloaded.state.messages[3].text.length > 0);
    reloaded.stop();
    assert.match(reloaded.state.input.text, /^!sim tokens=400/);
    assert.equal((await over).state, "stopped");
    assert.match(chat.state.input.text, /^!sim tokens=400/);
    await idle(reloaded);
    for (const page of [chat, reloaded]) await isHistoryRight(page);
});

test("a page that only watches does not get the message that another took back", async () => {
    const chat = client.chat();
    await sent(chat, SHORT);
    const over = sent(chat, LONG);
    await streaming(chat);
    const watching = client.chat({ chatId: chat.state.chatId });
    await watching.open();
    await streaming(watching);
    chat.stop();
    await over;
    await idle(watching);
    assert.deepEqual([watching.state.input.text, watching.state.messages.length], ["", 2]);
});

test("a new chat without a record is taken up in its first turn", async () => {
    const chat = client.chat();
    const over = sent(chat, "!sim tokens=60 delay_ms=10", { turn: { on_disconnect: "continue" } });
    await streaming(chat);
    chat.close();
    await over;
    const reloaded = client.chat({ chatId: chat.state.chatId });
    assert.equal(await reloaded.attach(), true);
    assert.equal(reloaded.state.messages[0].text, "!sim tokens=60 delay_ms=10");
    await chat.open(); // and so is the one that was closed
    for (const page of [chat, reloaded]) {
        await until(() => page.state.isSaved, "done");
        await isHistoryRight(page);
    }
    assert.equal(await client.chat().attach(), false);
});

test("older messages come when they are asked for", async () => {
    const chat = client.chat();
    for (let n = 0; n < 52; n++) await sent(chat, `!sim tokens=1 delay_ms=0 ${n}`);
    const loaded = client.chat({ chatId: chat.state.chatId });
    await loaded.load();
    assert.deepEqual([loaded.state.messages.length, loaded.state.hasOlder], [100, true]);
    await loaded.loadOlder();
    assert.deepEqual([loaded.state.messages.length, loaded.state.hasOlder], [104, false]);
    await loaded.load(); // to look again drops none
    assert.equal(loaded.state.messages.length, 104);
    await isHistoryRight(loaded);
});

test("a graph with its steps", async () => {
    const chat = client.chat({ turn: { graph: "walk" } });
    await sent(chat, "go");
    const [, reply] = chat.state.messages;
    assert.equal(reply.text, "Walked 50 steps.");
    assert.equal(reply.graph, "walk");
    assert.ok(reply.steps.length > 100 && reply.steps.every((s) => s.status === "finished"));
    const loaded = client.chat({ chatId: chat.state.chatId });
    await loaded.load();
    assert.deepEqual(loaded.state.messages[1].steps.at(-1).node, reply.steps.at(-1).node);
    assert.deepEqual(loaded.state.messages.map((m) => m.graph), [null, "walk"]);
});

// -- errors and retry ----------------------------------------------------------------------------------------------------

test("a failed turn stays in sight; retry is a new generation, taking back puts it into the input", async () => {
    const chat = client.chat();
    const message = "!sim fault=status:400";
    const first = await sent(chat, message);
    assert.deepEqual([chat.state.status, chat.state.error.code, chat.state.canRetry], ["idle", "provider_refused", true]);
    assert.deepEqual(chat.state.messages.map((m) => [m.role, m.state]), [["user", "failed"], ["assistant", "failed"]]);
    const second = await chat.retry();
    assert.notEqual(second.generationId, first.generationId);
    assert.equal(second.state, "failed");
    chat.takeBack();
    assert.deepEqual([chat.state.messages, chat.state.input.text, chat.state.error, chat.state.canRetry], [[], message, null, false]);
    chat.setInput(SHORT);
    assert.equal((await chat.send()).state, "done");
    assert.deepEqual([chat.state.messages.length, chat.state.error], [2, null]);
});

test("retry bills nothing twice while it is not known whether it arrived", async () => {
    const cutter = new Cutter(API, () => ({ after: 0 }));
    const chat = createClient({ baseUrl: await cutter.listen(), patienceMs: 300 }).chat();
    const lost = await sent(chat, SHORT, { turn: { on_disconnect: "continue" } });
    assert.deepEqual([lost.state, chat.state.error.code, chat.state.canRetry], ["waiting", "network", true]);
    cutter.next = () => ({});
    const reply = await chat.retry();
    assert.deepEqual([reply.state, reply.generationId, reply.text], ["done", lost.generationId, ANSWER]);
    assert.equal((await askedFor(reply.generationId)).length, 1);
    await isHistoryRight(chat);
    cutter.close();
});

/** A chat whose requests are answered by these, one after the other. */
function playedChat(...answers) {
    const { fetch, asked } = played(...answers);
    return { asked, chat: createClient({ fetch }).chat({ chatId: "c" }) };
}
const interrupted = { type: "interrupted", seq: 2, done: false, error: { code: "worker_lost", message: "x", retryable: true }, resumable: true, usage: {} };
const part = { type: "delta", seq: 1, part: 0, text: "It was", done: false };
const whole = [{ ...part, text: "It was cut." }, { type: "done", seq: 2, done: true, message_id: "m2", user_message_id: "m1", usage: {} }];

test("what was interrupted goes on from what was shown", async () => {
    const { chat, asked } = playedChat(() => streamOf([part, interrupted]), () => streamOf(whole));
    await sent(chat, "hi");
    assert.deepEqual([chat.state.messages[1].state, chat.state.messages[1].text, chat.state.error.code], ["interrupted", "It was", "worker_lost"]);
    await chat.retry();
    const { generation_id } = asked[0].body;
    assert.equal(asked[1].url, `/v1/generations/${generation_id}/continue`);
    assert.notEqual(asked[1].body.generation_id, generation_id);
    assert.deepEqual([chat.state.messages.length, chat.state.messages[1].text, chat.state.messages[1].state], [2, "It was cut.", "committed"]);
});

test("... or is asked anew where it cannot", async () => {
    const { chat, asked } = playedChat(() => streamOf([part, interrupted]), refusal(409, "cannot_continue"), () => streamOf(whole));
    await sent(chat, "hi", { turn: { model: "x" } });
    await chat.retry();
    assert.deepEqual([asked[2].url, asked[2].body.message, asked[2].body.model], ["/v1/chats/c/messages", "hi", "x"]);
    assert.equal(new Set([asked[0], asked[1], asked[2]].map((r) => r.body.generation_id)).size, 3);
    assert.equal(chat.state.messages[1].text, "It was cut.");
});

test("refused before it began: the same request again", async () => {
    const { chat, asked } = playedChat(refusal(409, "busy"), () => streamOf(whole));
    chat.setAttachments(FILES);
    assert.equal((await chat.send({ turn: { on_stop: "keep", metadata: { a: 1 } } })).state, "waiting");
    assert.equal(chat.state.error.code, "busy");
    await chat.retry();
    const { generation_id } = asked[0].body;
    assert.deepEqual(asked[0].body, { on_stop: "keep", metadata: { a: 1 }, generation_id, message: "", attachments: FILES });
    assert.deepEqual(asked[1].body, asked[0].body);
});

/** A chat that has given up on a turn of which it saw the beginning; what it asks next is answered by these. */
async function givenUp(...answers) {
    const { fetch, asked } = played(() => streamOf([part]), refusal(403, "forbidden"), ...answers);
    const chat = createClient({ fetch }).chat({ chatId: "c" });
    await sent(chat, "hi");
    assert.deepEqual([chat.state.error.code, chat.state.messages.length, asked.length], ["forbidden", 2, 2]);
    return { chat, askedNext: () => asked.slice(2) };
}
const stopAnswer = (fields) => jsonOf(200, { outcome: "stopped", committed: false, restore: null, ...fields });
const record = (...messages) => jsonOf(200, { chat_id: "c", title: "hi", messages, next: null, active: null });

test("a turn that may still run is stopped when it is taken back", async () => {
    const { chat, askedNext } = await givenUp(stopAnswer());
    const { generationId } = chat.state.messages[0];
    chat.takeBack();
    assert.deepEqual([chat.state.input.text, chat.state.messages, chat.state.error, chat.state.status], ["hi", [], null, "stopping"]);
    await idle(chat);
    assert.deepEqual(askedNext().map((r) => [r.url, r.body]), [[`/v1/generations/${generationId}/stop`, { seen: 1 }]]);
});

test("... and before another message is sent", async () => {
    const { chat, askedNext } = await givenUp(stopAnswer(), () => streamOf(whole));
    await sent(chat, "another");
    assert.deepEqual(askedNext().map((r) => r.url.split("/").at(-1)), ["stop", "messages"]);
    assert.deepEqual(shown(chat), [["user", "another"], ["assistant", "It was cut."]]);
});

test("... and is shown if it was committed meanwhile", async () => {
    const turnOf = (chat) => ["user", "assistant"].map((role) => ({ id: `m-${role}`, role, content: "x", generation_id: chat.state.messages[0].generationId, created_at: 1 }));
    let messages;
    const stopped = await givenUp(stopAnswer({ outcome: "already_done", committed: true }), () => record(...messages));
    messages = turnOf(stopped.chat);
    stopped.chat.takeBack();
    await idle(stopped.chat);
    assert.deepEqual([stopped.chat.state.input.text, stopped.chat.state.messages.map((m) => m.id)], ["", ["m-user", "m-assistant"]]);
    const looked = await givenUp(() => record(...messages));
    messages = turnOf(looked.chat);
    await looked.chat.load();
    assert.deepEqual([looked.chat.state.messages.length, looked.chat.state.error, looked.chat.state.canRetry], [2, null, false]);
});

test("pauses are told while they last", async () => {
    const { chat } = playedChat(refusal(503, "unavailable"), () => streamOf(whole));
    const seen = [];
    chat.subscribe(() => seen.push(chat.state.waiting?.error.code));
    await sent(chat, "hi");
    assert.deepEqual([chat.state.waiting, chat.state.error, seen.includes("unavailable")], [null, null, true]);
});

test("a stop is seen before it is sent", async () => {
    const seen = [];
    const look = () => seen.push([chat.state.status, chat.state.input.text, chat.state.messages.length]);
    const { fetch } = played(({ signal }) => streamOf([part], { hangs: true, signal }), () => (look(), stopAnswer()));
    const chat = createClient({ fetch }).chat();
    const over = sent(chat, "hi");
    await streaming(chat);
    chat.subscribe(look);
    chat.stop();
    assert.deepEqual(seen, [["stopping", "hi", 0], ["stopping", "hi", 0]], "by the listener, then by the request, both in this tick");
    await idle(chat);
    await over;
});

test("a stop that nobody answers is said to be so", async () => {
    const { chat } = playedChat(({ signal }) => streamOf([part], { hangs: true, signal }), refusal(401, "unauthorized"));
    const over = sent(chat, "hi");
    await streaming(chat);
    await assert.rejects(chat.stop().answer, { code: "unauthorized" });
    await over;
    await idle(chat);
    assert.deepEqual([chat.state.error.code, chat.state.input.text], ["unauthorized", "hi"]);
});

test("a chat that cannot be loaded says why; one without a record is new", async () => {
    const { chat } = playedChat(refusal(401, "unauthorized"), refusal(404, "not_found"), jsonOf(204));
    assert.equal(await chat.load(), false);
    assert.equal(chat.state.error.code, "unauthorized");
    assert.equal(await chat.load(), true);
    assert.deepEqual([chat.state.isSaved, chat.state.messages], [false, []]);
});

test("a mistake in a listener changes nothing", async () => {
    const thrown = [];
    const keep = (error) => thrown.push(error.message);
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", keep);
    const { chat } = playedChat(() => streamOf(whole));
    chat.subscribe(() => {
        throw new Error("a listener's");
    });
    await sent(chat, "hi");
    await pause(5);
    process.removeAllListeners("uncaughtException");
    others.forEach((listener) => process.on("uncaughtException", listener));
    assert.deepEqual([chat.state.error, chat.state.messages.length, new Set(thrown).size], [null, 2, 1]);
});
