// What the package's types promise, and what they refuse. Only checked, never run.
import { createClient, SluiceError, type Chat, type ChatRecord, type ChatStatus, type Part, type Reply, type SluiceEvent, type StopAnswer } from "sluice-client";
import { useStreamMessage, type UseStreamMessage } from "sluice-client/react";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_T extends true>() => {};

const client = createClient({ token: async () => null, fetch: globalThis.fetch });
const chat: Chat = client.chat({ chatId: "c", turn: { model: "m", on_stop: "keep_seen" }, onEvent: (event: SluiceEvent) => event.type });
holds<Equal<ChatStatus, "idle" | "sending" | "streaming" | "stopping">>();
holds<Equal<ReturnType<typeof chat.send>, Promise<Reply | null>>>();
holds<Equal<UseStreamMessage["setInput"], (text: string, cursor?: number) => void>>();

/** Events and parts are told apart by their type. */
function look(event: SluiceEvent, part: Part): string {
    if (event.type === "delta") return event.text;
    if (event.type === "done") holds<Equal<typeof event.done, true>>();
    if (event.type === "failed") return event.error.code;
    if (event.type === "step") return `${event.node} ${event.status}`;
    return part.type === "tool_call" ? part.arguments : part.type === "source" ? part.url : part.text;
}

const answer: Promise<StopAnswer> | undefined = chat.stop()?.answer;
const retry: () => Promise<Reply | null> = useStreamMessage({ client }).retry;
const title: Promise<string> = client.request<ChatRecord>("GET", "/v1/chats/c").then((record) => record.title);
const notYet: string | undefined = undefined;
useStreamMessage({ client, chatId: notYet });
const error = new SluiceError({ code: "network", message: "x", retryable: true });
void [look, answer, retry, title, error.retryAfterMs];

// @ts-expect-error a turn has a message or messages
client.streamMessage({ chat_id: "c" });
// @ts-expect-error a policy that is not there
chat.turn = { on_stop: "never" };
// @ts-expect-error the state is read only
chat.state.input.text = "x";
// @ts-expect-error the hook needs a client
useStreamMessage({});
// @ts-expect-error what an answer is has to be said
client.request("GET", "/v1/chats").then((answer) => answer.data);
