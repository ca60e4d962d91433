// The browser client of Sluice. sluice.d.ts is its manual, README.md has examples.
import { Chat } from "./chat.js";
import { pathOf, Transport } from "./http.js";
import { MessageStream } from "./stream.js";

export { SluiceError } from "./errors.js";
export { emptyReply, ReplyAssembler } from "./reply.js";
export { EventParser } from "./sse.js";

const ID_CHARS = "0123456789abcdefghjkmnpqrstvwxyz"; // 32 of them: five bits each
const ID_LENGTH = 26;

export function mintId(prefix) {
    const bytes = crypto.getRandomValues(new Uint8Array(ID_LENGTH));
    return `${prefix}_${Array.from(bytes, (byte) => ID_CHARS[byte & 31]).join("")}`;
}

/** Where a request goes, and its body: the ids stand in the body, but the chat's in the path. */
function postOf(request) {
    const { chat_id, ...body } = request;
    if (body.messages) return { path: "/v1/generations", body: JSON.stringify(request) };
    return { path: pathOf("chats", chat_id, "/messages"), body: JSON.stringify(body) };
}

class Client {
    #transport;

    constructor(options) {
        this.#transport = new Transport(options);
    }

    streamMessage(given, { onWaiting } = {}) {
        const request = { generation_id: mintId("gen"), ...given };
        if (!request.messages) request.chat_id ??= mintId("chat");
        const { message, attachments = [], metadata = null } = request;
        return new MessageStream(this.#transport, {
            generationId: request.generation_id,
            chatId: request.chat_id ?? null,
            post: () => postOf(request),
            restore: request.messages ? null : { message, attachments, metadata },
            onWaiting,
        });
    }

    resume(generationId, { after, chatId, onWaiting } = {}) {
        return new MessageStream(this.#transport, { generationId, chatId, after, onWaiting });
    }

    async resumeChat(chatId, { onWaiting } = {}) {
        const left = new AbortController();
        const path = pathOf("chats", chatId, "/stream");
        const first = await this.#transport.openStream("GET", path, { signal: left.signal });
        if (first.status === 204) return null;
        const generationId = first.header("Sluice-Generation-Id");
        return new MessageStream(this.#transport, { generationId, chatId, first, left, onWaiting });
    }

    continueGeneration(generationId, { newId = mintId("gen"), chatId, onWaiting } = {}) {
        const body = JSON.stringify({ generation_id: newId });
        const post = () => ({ path: pathOf("generations", generationId, "/continue"), body });
        return new MessageStream(this.#transport, { generationId: newId, chatId, post, onWaiting });
    }

    stop(target) {
        return this.#transport.stop(target);
    }

    request(method, path, body, options) {
        return this.#transport.request(method, path, body, options);
    }

    chat(options) {
        return new Chat(this, mintId, options);
    }
}

export const createClient = (options) => new Client(options);
