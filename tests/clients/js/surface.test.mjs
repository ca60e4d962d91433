// What sluice.d.ts declares is what there is, and nothing else.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as sluice from "sluice-client";
import * as hook from "sluice-client/react";
import "./support.mjs";

const read = (name) => readFileSync(new URL(`../node_modules/sluice-client/${name}`, import.meta.url), "utf8");
const declared = read("sluice.d.ts");
const names = (text, pattern) => Array.from(text.matchAll(pattern), (found) => found[1]).sort();

/** The members of an interface or a class. */
function membersOf(name) {
    const body = declared.match(new RegExp(`^export (?:interface|class) ${name}\\b[^{]*\\{\\n(.*?)^\\}`, "ms"))[1];
    const all = names(body, /^ {4}(?:readonly )?(\w+)(?:<[^(]*>)?\??[:(]/gm);
    return all.filter((member) => member !== "constructor");
}

function publicOf(object) {
    const own = Object.getOwnPropertyNames(object);
    const inherited = Object.getOwnPropertyNames(Object.getPrototypeOf(object));
    return [...new Set([...own, ...inherited])].filter((member) => member !== "constructor").sort();
}

test("the exports", () => {
    assert.deepEqual(Object.keys(sluice).sort(), names(declared, /^export (?:class|function) (\w+)/gm));
    assert.deepEqual(Object.keys(hook), names(read("react.d.ts"), /^export function (\w+)/gm));
});

test("the members", () => {
    const client = sluice.createClient();
    const chat = client.chat();
    const table = { Client: client, Chat: chat, ChatState: chat.state, Input: chat.state.input, MessageStream: client.resume("g"), EventParser: new sluice.EventParser(),
        ReplyAssembler: new sluice.ReplyAssembler("g", null), Reply: sluice.emptyReply("g", null) };
    for (const [name, object] of Object.entries(table)) {
        const isPlain = Object.getPrototypeOf(object) === Object.prototype;
        assert.deepEqual(isPlain ? Object.keys(object).sort() : publicOf(object), membersOf(name), name);
    }
});

test("the package needs nothing", () => {
    const { dependencies, exports, peerDependenciesMeta } = JSON.parse(read("package.json"));
    assert.equal(dependencies, undefined);
    assert.equal(peerDependenciesMeta.react.optional, true);
    for (const entry of Object.values(exports).flatMap(Object.values)) assert.ok(read(entry).length > 0);
});
