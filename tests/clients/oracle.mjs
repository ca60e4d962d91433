// The providers' own clients, as they are published, on the wire of the simulated provider: one command a line on standard
// input ({client, op, url, request, abort_at?}), what the client made of it a line on standard output, all clients in one form:
// {text, reasoning, signature, calls, finish, usage, error}. Their retries are off: what is asked for is asked for once.
// usage: node oracle.mjs FOLDER (that has node_modules)
import { createRequire } from "node:module";
import readline from "node:readline";

const require = createRequire(process.argv[2] + "/");
const { OpenAI } = require("openai");
const Anthropic = require("@anthropic-ai/sdk").default;
const { Ollama } = require("ollama");

const fields = { apiKey: "key", maxRetries: 0, logLevel: "off" };

// What is being gathered; `piece` counts, and aborts where the command says so.
const gather = (abortAt, abort) => ({
    text: "",
    reasoning: "",
    pieces: 0,
    piece(member, text) {
        this[member] += text;
        if (++this.pieces === abortAt) abort();
    },
});

const openaiResult = (choice, usage) => ({
    text: choice.message.content ?? "",
    calls: (choice.message.tool_calls ?? []).map((c) => [c.function.name, JSON.parse(c.function.arguments)]),
    finish: choice.finish_reason,
    usage: usage && {
        input: usage.prompt_tokens,
        output: usage.completion_tokens,
        reasoning: usage.completion_tokens_details?.reasoning_tokens,
    },
});

const openai = {
    make: (url) => new OpenAI({ ...fields, baseURL: url + "/v1" }),
    async stream(client, request, abortAt) {
        const runner = client.chat.completions.stream({ ...request, stream_options: { include_usage: true } });
        const got = gather(abortAt, () => runner.abort());
        let usage;
        runner.on("content", (text) => got.piece("text", text));
        runner.on("chunk", (chunk) => {
            usage = chunk.usage ?? usage;
            const thought = chunk.choices[0]?.delta.reasoning_content; // OpenAI's own client has no name for it
            if (thought) got.piece("reasoning", thought);
        });
        const final = await runner.finalChatCompletion().catch((error) => ({ error }));
        return final.error ? { ...got, error: final.error } : { ...got, streamed: got.text, ...openaiResult(final.choices[0], usage) };
    },
    async create(client, request) {
        const { data, request_id } = await client.chat.completions.create(request).withResponse();
        const choice = data.choices[0];
        return { ...openaiResult(choice, data.usage), reasoning: choice.message.reasoning_content ?? "", request_id };
    },
    models: async (client) => (await client.models.list()).data.map((m) => m.id),
};

const anthropicResult = (message) => {
    const joined = (type, member) => message.content.map((b) => (b.type === type ? b[member] : "")).join("");
    return {
        text: joined("text", "text"),
        reasoning: joined("thinking", "thinking"),
        signature: joined("thinking", "signature"),
        content: message.content,
        calls: message.content.filter((b) => b.type === "tool_use").map((b) => [b.name, b.input]),
        finish: message.stop_reason,
        usage: message.usage && { input: message.usage.input_tokens, output: message.usage.output_tokens },
    };
};

const anthropic = {
    make: (url) => new Anthropic({ ...fields, baseURL: url }),
    async stream(client, request, abortAt) {
        const runner = client.messages.stream({ max_tokens: 100000, ...request });
        const got = gather(abortAt, () => runner.abort());
        runner.on("text", (text) => got.piece("text", text));
        runner.on("thinking", (text) => got.piece("reasoning", text));
        const final = await runner.finalMessage().catch((error) => ({ error }));
        return final.error ? { ...got, error: final.error } : { ...got, streamed: got.text, ...anthropicResult(final) };
    },
    async create(client, request) {
        const { data, request_id } = await client.messages.create({ max_tokens: 4096, ...request }).withResponse();
        return { ...anthropicResult(data), request_id };
    },
    models: async (client) => (await client.models.list()).data.map((m) => m.id),
};

const ollamaResult = (answer) => ({
    calls: (answer.message.tool_calls ?? []).map((c) => [c.function.name, c.function.arguments]),
    finish: answer.done_reason,
    usage: answer.eval_count === undefined ? null : { input: answer.prompt_eval_count, output: answer.eval_count },
});

const ollama = {
    make: (url) => new Ollama({ host: url }),
    async stream(client, request, abortAt) {
        const got = gather(abortAt, () => client.abort());
        const calls = [];
        try {
            let last;
            for await (const part of await client.chat({ ...request, stream: true })) {
                last = part;
                calls.push(...ollamaResult(part).calls);
                if (part.message.thinking) got.piece("reasoning", part.message.thinking);
                if (part.message.content) got.piece("text", part.message.content);
            }
            return { ...got, streamed: got.text, ...ollamaResult(last), calls };
        } catch (error) {
            return { ...got, error };
        }
    },
    async create(client, request) {
        const answer = await client.chat(request);
        return { ...ollamaResult(answer), text: answer.message.content, reasoning: answer.message.thinking ?? "" };
    },
    models: async (client) => (await client.list()).models.map((m) => m.name),
};

const describe = (error) => ({
    name: error.constructor.name,
    status: error.status ?? error.status_code,
    code: error.code,
    type: error.type ?? error.error?.error?.type,
    detail: error.error?.error?.details?.error_code,
    message: error.message,
    retry_after: error.headers?.get?.("retry-after"),
    request_id: error.requestID,
});

// A gross bound, so that a client that waits for ever fails its own test only.
const tooSlow = () => new Promise((_, reject) => setTimeout(reject, 60000, new Error("no end within a minute")).unref());

const clients = { openai, anthropic, ollama };

for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    const client = clients[command.client];
    let result;
    try {
        const played = client[command.op](client.make(command.url), command.request, command.abort_at);
        result = await Promise.race([played, tooSlow()]);
    } catch (error) {
        result = { error };
    }
    if (result.error) result.error = describe(result.error);
    process.stdout.write(JSON.stringify(result) + "\n");
}
