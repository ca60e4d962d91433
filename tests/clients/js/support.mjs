// What the tests of the browser client share: the stack's addresses (from the environment), a proxy that cuts, a server that is played.
import assert from "node:assert/strict";
import net from "node:net";
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto; // Node 18

export const API = process.env.SLUICE_TEST_API;
export const SIM = process.env.SLUICE_TEST_SIM;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The first true value of condition(). */
export async function until(condition, what, ms = 30_000) {
    const end = Date.now() + ms;
    for (;;) {
        const value = await condition();
        if (value) return value;
        assert.ok(Date.now() < end, `waited ${ms} ms for ${what}`);
        await pause(5);
    }
}

export const getJson = async (url) => (await fetch(url)).json();

/** The chat's messages on the server, as [role, content]; [] without a record. */
export async function historyOf(chatId) {
    const response = await fetch(`${API}/v1/chats/${chatId}`);
    if (response.status === 404) return [];
    return (await response.json()).messages.map((m) => [m.role, m.content]);
}

export const shown = (chat) => chat.state.messages.map((m) => [m.role, m.text]);

/** The provider's requests for one generation. */
export const askedFor = async (generationId) => (await getJson(`${SIM}/journal`)).filter((r) => r.generation_id === generationId);

/** A TCP proxy in front of the API. `next` is asked for each connection that asks for something: {after} bytes of answer are let through before it is cut, or
 *  `holds`: nothing more comes; {} for all of it. */
export class Cutter {
    refuses = false; // as when nobody is there
    cuts = 0;
    #open = new Set();

    constructor(target, next = () => ({})) {
        const { hostname, port } = new URL(target);
        this.next = next;
        this.server = net.createServer((client) => this.#accept(client, hostname, Number(port)));
    }

    #accept(client, host, port) {
        if (this.refuses) return client.destroy();
        let limits = null;
        const server = net.connect({ host, port });
        const cut = () => {
            client.destroy();
            server.destroy();
            this.#open.delete(cut);
        };
        this.#open.add(cut);
        let passed = 0;
        server.on("data", (bytes) => {
            const { after = Infinity, holds = false } = limits ?? {};
            const left = after - passed;
            passed += bytes.length;
            if (bytes.length <= left) return void client.write(bytes);
            this.cuts += left >= 0 && !holds;
            if (holds && left <= 0) return;
            if (holds) client.write(bytes.subarray(0, left));
            else if (left > 0) client.write(bytes.subarray(0, left), cut);
            else cut();
        });
        client.on("data", (bytes) => {
            limits ??= this.next();
            server.write(bytes);
        });
        for (const socket of [client, server]) socket.on("error", cut).on("close", cut);
    }

    async listen() {
        await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
        return (this.url = `http://127.0.0.1:${this.server.address().port}`);
    }

    cutAll() {
        for (const cut of [...this.#open]) cut();
    }

    close() {
        this.cutAll();
        this.server.close();
    }
}

const frame = (event) => `${event.seq === undefined ? "" : `id: ${event.seq}\n`}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

/** An answer that is an event stream: a short `retry:`, then these events. `hangs`: it never ends. */
export function streamOf(events, { hangs = false, retry = 10, signal } = {}) {
    const text = [`retry: ${retry}\n\n: ok\n\n`, ...events.map(frame)].join("");
    const body = new ReadableStream({
        start(controller) {
            controller.enqueue(new TextEncoder().encode(text));
            if (!hangs) controller.close();
            signal?.addEventListener("abort", () => controller.error(signal.reason));
        },
    });
    return new Response(body, { headers: { "Content-Type": "text/event-stream; charset=utf-8", "Sluice-Generation-Id": "g" } });
}

export const jsonOf = (status, body, headers = {}) =>
    new Response(body === undefined ? null : JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });

export const refusal = (status, code, headers) =>
    jsonOf(status, { error: { code, message: `told to say ${code}`, retryable: status >= 429 } }, headers);

/** A fetch that answers with `answers` in turn: responses, functions of the request that make one, or errors to be thrown. Keeps what it was asked. */
export function played(...answers) {
    const asked = [];
    const fetch = async (url, { method, headers, body, signal, keepalive }) => {
        const request = { method, url, headers, body: body && JSON.parse(body), keepalive, signal };
        asked.push(request);
        assert.ok(asked.length <= answers.length, `one request too many: ${method} ${url}`);
        const answer = answers[asked.length - 1];
        const made = typeof answer === "function" ? await answer(request) : answer;
        if (made instanceof Error) throw made;
        return made;
    };
    return { fetch, asked };
}
