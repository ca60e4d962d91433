// The React hook of Sluice: a Chat as a component's state. README.md has an example that runs.
import type { Attachment, Chat, ChatMessage, ChatState, ChatStatus, Client, Reply, SendOptions, SluiceError, Step, Stopped, TurnOptions, Waiting } from "./sluice.js";

export interface UseStreamMessageOptions {
    /** The same object for every render: make it outside of the component. */
    client: Client;
    /** An existing chat, which is loaded. Another id is another chat. Without it a new one is begun. */
    chatId?: string | undefined;
    turn?: TurnOptions | undefined;
    /** Once, when a new chat gets its record (an event carried `done: true`): the moment to navigate. */
    onSaved?: ((chatId: string) => void) | undefined;
}

export interface UseStreamMessage {
    chatId: string;
    isSaved: boolean;
    input: string;
    setInput: (text: string, cursor?: number) => void;
    attachments: readonly Attachment[];
    setAttachments: (attachments: readonly Attachment[]) => void;
    messages: readonly ChatMessage[];
    status: ChatStatus;
    error: SluiceError | null;
    canRetry: boolean;
    position: number | null;
    steps: readonly Step[];
    waiting: Waiting | null;
    send: (options?: SendOptions) => Promise<Reply | null>;
    stop: () => Stopped | null;
    retry: () => Promise<Reply | null>;
    /** The rest: edit, regenerate, loadOlder, the input's cursor and revision in `chat.state`. */
    chat: Chat;
    state: ChatState;
}

export function useStreamMessage(options: UseStreamMessageOptions): UseStreamMessage;
