// The hook, rendered without a DOM: input, stop, StrictMode, another chat, the end of its component, the server's rendering.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { createElement, StrictMode, useState } from "react";
import { renderToString } from "react-dom/server";
import { create } from "react-test-renderer";
import { createClient } from "sluice-client";
import { useStreamMessage } from "sluice-client/react";
import { API, historyOf, shown, until } from "./support.mjs";

const LONG = "!sim tokens=2000 delay_ms=20";
const SHORT = "!sim tokens=3 delay_ms=1";

// React tells its complaints on the console. That this renderer is for tests of old is not one of them.
const complaints = [];
console.error = (...told) => /^react-test-renderer is deprecated/.test(told[0]) || complaints.push(told.join(" "));
afterEach(() => assert.deepEqual(complaints, []));

/** Counts what the browser would send. */
function countingClient() {
    const asked = [];
    const counted = (url, init) => (asked.push(`${init.method} ${new URL(url).pathname}`), fetch(url, init));
    return { asked, client: createClient({ baseUrl: API, fetch: counted }) };
}

/** A component that does nothing but use the hook: `at.now` is what the last render got. */
function mount(options, { isStrict = true } = {}) {
    const at = { renders: 0, saved: [] };
    const onSaved = (chatId) => at.saved.push(chatId);
    function Page() {
        const [chatId, setChatId] = useState(options.chatId);
        at.setChatId = setChatId;
        at.now = useStreamMessage({ onSaved, ...options, chatId });
        at.renders++;
        return at.now.messages.map((m) => createElement("p", { key: m.key }, m.text));
    }
    const page = createElement(Page);
    at.root = create(isStrict ? createElement(StrictMode, null, page) : page, { unstable_isConcurrent: true });
    return at;
}

const rendered = (at, condition, what) => until(() => at.now && condition(at.now), what);

for (const isStrict of [true, false]) {
    test(`send, stop, send again ${isStrict ? "under StrictMode" : ""}`, async () => {
        const { client, asked } = countingClient();
        const at = mount({ client, turn: { metadata: { from: "test" } } }, { isStrict });
        await rendered(at, (now) => now.status === "idle", "the first render");
        assert.deepEqual([at.now.input, at.now.messages, at.now.isSaved], ["", [], false]);
        at.now.setInput(LONG, 3);
        await rendered(at, (now) => now.input === LONG, "the input");
        void at.now.send();
        await rendered(at, (now) => now.status === "streaming" && now.messages[1]?.text !== "", "the first piece");
        assert.equal(at.now.input, "");
        const { answer } = at.now.stop();
        await rendered(at, (now) => now.input === LONG && now.messages.length === 0, "the message back in the input");
        assert.equal(at.now.state.input.cursor, 3);
        assert.equal((await answer).outcome, "stopped");
        assert.deepEqual(at.saved, []);
        at.now.setInput(SHORT);
        await at.now.send();
        await rendered(at, (now) => now.isSaved && now.status === "idle", "done");
        assert.deepEqual(at.saved, [at.now.chatId], "told once");
        assert.deepEqual(shown({ state: at.now }), await historyOf(at.now.chatId));
        assert.deepEqual(at.root.toJSON().map((p) => p.children[0]), [SHORT, "This is a "]);
        assert.equal(asked.filter((line) => line.endsWith("/messages")).length, 2, "no request twice");
        at.setChatId(at.now.chatId); // navigates, as a page does
        const { chat } = at.now;
        at.now.setInput("next");
        await rendered(at, (now) => now.input === "next", "the same chat");
        assert.equal(at.now.chat, chat);
        assert.equal(asked.filter((line) => line.startsWith("GET")).length, 0, "which is not loaded");
        at.root.unmount();
    });
}

test("a chat is loaded, another one takes its place, a new one begins", async () => {
    const { client } = countingClient();
    const [one, two] = await Promise.all(["1", "2"].map((n) => client.streamMessage({ message: `${SHORT} ${n}` }).finish()));
    const at = mount({ client, chatId: one.chatId });
    await rendered(at, (now) => now.messages[0]?.text === `${SHORT} 1`, "the first chat");
    at.setChatId(two.chatId);
    await rendered(at, (now) => now.messages[0]?.text === `${SHORT} 2`, "the second chat");
    at.setChatId(undefined);
    await rendered(at, (now) => now.chatId !== two.chatId && now.messages.length === 0, "a new chat");
    assert.deepEqual(at.saved, [], "those were saved before");
    at.root.unmount();
});

test("a component that goes away in mid-stream leaves no reader and no stop", async () => {
    const { client, asked } = countingClient();
    const at = mount({ client, turn: { on_disconnect: "continue" } });
    await rendered(at, () => true, "the first render");
    at.now.setInput("!sim tokens=60 delay_ms=60");
    const over = at.now.send();
    await rendered(at, (now) => now.status === "streaming", "the first piece");
    at.root.unmount();
    const { renders } = at;
    await over;
    assert.equal(asked.filter((line) => line.endsWith("/stop")).length, 0);
    const again = mount({ client, chatId: at.now.chatId });
    await rendered(again, (now) => now.status === "streaming", "the stream taken up");
    await rendered(again, (now) => now.status === "idle", "done");
    assert.deepEqual(shown({ state: again.now }), await historyOf(again.now.chatId));
    assert.equal(at.renders, renders, "no render after the end");
    again.root.unmount();
});

test("retry", async () => {
    const at = mount({ client: createClient({ baseUrl: API }) });
    await rendered(at, () => true, "the first render");
    at.now.setInput("!sim fault=status:400");
    await at.now.send();
    await rendered(at, (now) => now.canRetry && now.error?.code === "provider_refused", "the error");
    const { generationId } = at.now.messages[0];
    await at.now.retry();
    await rendered(at, (now) => now.canRetry && now.messages[0].generationId !== generationId, "another try");
    at.root.unmount();
});

test("on the server it renders a chat at rest", () => {
    const { client, asked } = countingClient();
    const Page = () => createElement("b", null, useStreamMessage({ client, chatId: "c" }).status);
    assert.equal(renderToString(createElement(Page)), "<b>idle</b>");
    assert.deepEqual(asked, []);
});
