// The event stream format: a table of streams and what the specification makes of them, each whole, byte by byte and cut in two at every place.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser } from "sluice-client";
import "./support.mjs";

const message = (data, lastEventId = "") => ({ event: "message", data, lastEventId });

const TABLE = [
    ["an event", "data: a\n\n", [message("a")]],
    ["CR", "data: a\r\rdata: b\r\r", [message("a"), message("b")]],
    ["CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", [message("a"), message("b")]],
    ["all line ends in one stream", "data: a\rdata: b\ndata: c\r\n\r\ndata: d\n\r\ndata: e\r\n\n", [message("a\nb\nc"), message("d"), message("e")]],
    ["CRLF is one end, CR LF of an empty line too", "data: a\r\n\r\n\r\ndata: b\n\n", [message("a"), message("b")]],
    ["BOM", "\ufeffdata: a\n\n", [message("a")]],
    ["a second BOM is text", "\ufeff\ufeffdata: a\n\ndata: b\n\n", [message("b")]],
    ["lines of data", "data: a\ndata:\ndata: b\n\n", [message("a\n\nb")]],
    ["one space is dropped, not two", "data:a\n\ndata: a\n\ndata:  a\n\ndata:\ta\n\n", [message("a"), message("a"), message(" a"), message("\ta")]],
    ["a field without colon", "data\n\ndata\ndata\n\n", [message(""), message("\n")]],
    ["empty data", "data:\n\n", [message("")]],
    ["colons in the value", "data: a: b:c\n\n", [message("a: b:c")]],
    ["comments", ":\n: x\n:data: y\ndata: a\n: z\n\n", [message("a")]],
    ["unknown fields, letters in other case", "foo: 1\nDATA: 2\n data: 3\ndata : 4\ndata: a\n\n", [message("a")]],
    ["type", "event: step\ndata: a\n\ndata: b\n\n", [{ event: "step", data: "a", lastEventId: "" }, message("b")]],
    ["a type without data is forgotten", "event: step\n\ndata: b\n\n", [message("b")]],
    ["ids stay", "id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", [message("a", "1"), message("b", "1"), message("c")]],
    ["an id without data counts", "id: 7\n\ndata: a\n\n", [message("a", "7")]],
    ["an id with NUL does not", "id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", [message("a", "1"), message("b", "1")]],
    ["an unfinished event is none", "data: a\n\ndata: b\n", [message("a")]],
    ["characters of one to four bytes", "data: aé€😀\n\n", [message("aé€😀")]],
    ["U+2028 and U+0085 end no line", "data: a\u2028b\u0085c\n\n", [message("a\u2028b\u0085c")]],
];

function parse(pieces) {
    const parser = new EventParser();
    return { events: pieces.flatMap((bytes) => parser.push(bytes)), parser };
}

for (const [name, text, expected] of TABLE) {
    test(name, () => {
        const bytes = new TextEncoder().encode(text);
        assert.deepEqual(parse([bytes]).events, expected, "whole");
        assert.deepEqual(parse(Array.from(bytes, (b) => Uint8Array.of(b))).events, expected, "byte by byte");
        for (let at = 0; at <= bytes.length; at++)
            assert.deepEqual(parse([bytes.subarray(0, at), bytes.subarray(at)]).events, expected, `cut at ${at}`);
    });
}

test("invalid UTF-8 becomes U+FFFD", () => {
    const bytes = Uint8Array.of(0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0xe2, 0x82, 0x0a, 0x0a);
    for (const pieces of [[bytes], Array.from(bytes, (b) => Uint8Array.of(b))])
        assert.deepEqual(parse(pieces).events, [message("\ufffd\ufffd")]);
});

test("retry is digits only", () => {
    const { parser } = parse([new TextEncoder().encode("retry: 1500\n\nretry: 2s\nretry: -1\nretry:\n\n")]);
    assert.equal(parser.retryMs, 1500);
    assert.equal(new EventParser().retryMs, null);
});

test("the last id is that of whole events", () => {
    const { parser } = parse([new TextEncoder().encode("id: 4\ndata: a\n\nid: 5\ndata: b\n")]);
    assert.equal(parser.lastEventId, "4");
});

test("an event has a maximum, a stream has none", () => {
    const push = (text) => new EventParser({ maxEventChars: 100 }).push(new TextEncoder().encode(text));
    assert.equal(push("data: 0123456789\n\n".repeat(100)).length, 100);
    for (const text of ["data: " + "x".repeat(200), "data: 0123456789\n".repeat(20)])
        assert.throws(() => push(text), { name: "SluiceError", code: "protocol" });
});
