// The browser client of Sluice: what a page or an app in JavaScript sees. This file is its manual; README.md has examples.
//
// What goes over the wire keeps the names of docs/protocol.md (snake_case); what the client makes of it is in camelCase.
// Three layers, each usable alone: EventParser (server-sent events), Client (requests, streams that survive), Chat (one
// conversation with its input, messages and Stop, as a state machine).

// ---- the wire ----------------------------------------------------------------------------------------------------------

export interface Attachment {
    type: "image" | "text";
    media_type: string;
    name?: string;
    url?: string;
    /** Base64. */
    data?: string;
}

export interface Usage {
    input: number | null;
    output: number | null;
    cached: number | null;
    reasoning: number | null;
    source: "provider" | "estimated" | "unknown" | "none";
    settled: boolean;
}

export interface Restore {
    message: string;
    attachments: Attachment[];
    metadata: Record<string, unknown> | null;
}

/** Policies and choices of a turn; see "Starting a generation" in docs/protocol.md. */
export interface TurnOptions {
    model?: string;
    graph?: string;
    system?: string;
    params?: Record<string, unknown>;
    lane?: "interactive" | "batch";
    user?: string;
    metadata?: Record<string, unknown>;
    on_stop?: "discard" | "keep" | "keep_seen";
    upstream_on_stop?: "close" | "drain";
    on_disconnect?: "continue" | "stop";
    on_interrupt?: "interrupted" | "continue" | "restart";
    if_busy?: "reject" | "enqueue" | "interrupt";
}

/** A turn of a chat. Ids that are missing are minted here. */
export interface MessageRequest extends TurnOptions {
    chat_id?: string;
    generation_id?: string;
    message: string;
    attachments?: Attachment[];
    replace_from?: string;
}

/** A stateless generation: the caller keeps the history. */
export interface StatelessRequest extends TurnOptions {
    chat_id?: string;
    generation_id?: string;
    messages: Array<{ role: string; content: unknown; tool_calls?: unknown[]; tool_call_id?: string }>;
    attachments?: Attachment[];
}

export interface GenerationError {
    code: string;
    message: string;
    retryable: boolean;
    provider_status?: number;
    /** With `step_failed`: the graph's step. */
    node?: string;
}

/** `progress`: it runs, and something within it was kept. */
export type StepStatus = "started" | "progress" | "retrying" | "finished" | "failed";

export interface StepError {
    readonly code: string;
    readonly message?: string;
    /** Of the HTTP answer that the step got. */
    readonly status?: number;
}

interface EventHead {
    generation_id: string;
    /** Missing in `rewound` and in later positions of `queued`, which are not in the log. */
    seq?: number;
    chat_id?: string | null;
    at?: number;
    node?: string;
}
interface PieceHead extends EventHead {
    part: number;
    done: false;
}
interface EndHead extends EventHead {
    usage: Usage;
    restore?: Restore | null;
    committed?: boolean;
    message_id?: string | null;
    user_message_id?: string;
}

export type SluiceEvent =
    | (EventHead & { type: "queued"; done: false; position: number; message_id?: string; user_message_id?: string })
    | (EventHead & {
          type: "started";
          done: false;
          model?: string | null;
          /** In place of a model, where a graph answers. */
          graph?: string;
          version?: string;
          provider_model?: string;
          attempt: number;
          epoch: number;
          history?: { sent: number; left_out: number };
      })
    | (PieceHead & { type: "delta" | "refusal"; text: string })
    | (PieceHead & { type: "reasoning"; text?: string; signature?: string })
    | (PieceHead & { type: "tool_call_delta"; call_id: string; name?: string; arguments: string })
    | (PieceHead & { type: "tool_call"; call_id: string; name: string; arguments: string })
    | (EventHead & { type: "tool_result"; done: false; call_id: string; result: unknown; is_error: boolean })
    | (PieceHead & { type: "source"; url: string; title?: string })
    | (EventHead & {
          type: "step";
          done: false;
          step: number;
          node: string;
          kind: string;
          status: StepStatus;
          ms?: number;
          error?: StepError;
      })
    | (EventHead & { type: "reset" | "rewound"; done: false; after: number })
    | (EndHead & {
          type: "done";
          done: true;
          finish_reason: "stop" | "length" | "tool_calls" | "content_filter" | "ask";
          model: string | null;
          resume?: { expires_at: number };
      })
    | (EndHead & { type: "stopped"; done: false; reason: StopReason })
    | (EndHead & { type: "failed" | "interrupted"; done: false; error: GenerationError; resumable?: boolean });

export type StopReason = "user" | "flag" | "disconnect" | "busy" | "deleted" | "operator";

export interface StopAnswer {
    outcome:
        | "stopped"
        | "already_stopped"
        | "already_done"
        | "already_failed"
        | "already_interrupted"
        | "idle"
        | "will_stop";
    generation_id: string | null;
    seq: number | null;
    state: string | null;
    reason: StopReason | null;
    restore: Restore | null;
    /** The turn is in the chat all the same: the reply was there first (`already_done`), or `on_stop` kept it. */
    committed: boolean;
    message_id: string | null;
    usage: Usage;
    waiting: Array<{ generation_id: string; restore: Restore }> | null;
}

/** A message as `GET /v1/chats/{id}` gives it. */
export interface WireMessage {
    id: string;
    role: "user" | "assistant";
    content: string;
    created_at: number;
    generation_id: string;
    attachments?: Attachment[];
    reasoning?: string | null;
    tool_calls?: Array<{ call_id: string; name: string; arguments: string }>;
    model?: string | null;
    finish_reason?: string | null;
    usage?: Usage;
    stopped?: boolean;
    metadata?: Record<string, unknown> | null;
}

export interface ChatRecord {
    chat_id: string;
    title: string;
    metadata: Record<string, unknown> | null;
    created_at: number;
    messages: WireMessage[];
    next: string | null;
    active: {
        generation_id: string;
        state: "queued" | "running";
        message: string;
        attachments: Attachment[];
        created_at: number;
    } | null;
}

// ---- errors ------------------------------------------------------------------------------------------------------------

/** Whatever goes wrong. `code` is the server's (docs/protocol.md) or one of the client's own: `network` (nobody answered, or no
 *  longer), `protocol` (what answered is not Sluice), `token` (the token function threw). */
export class SluiceError extends Error {
    constructor(fields: {
        code: string;
        message: string;
        retryable?: boolean;
        status?: number;
        param?: string;
        retryAfterMs?: number;
        cause?: unknown;
    });
    readonly code: string;
    /** Whether the same request may succeed later. */
    readonly retryable: boolean;
    /** Of the HTTP answer; 0 where there was none, as for `network` and for the error of a generation. */
    readonly status: number;
    readonly param: string | null;
    readonly retryAfterMs: number | null;
}

// ---- server-sent events ------------------------------------------------------------------------------------------------

export interface ServerSentEvent {
    event: string;
    data: string;
    /** The last `id:` seen, as the specification has it: it stays until the next one. */
    lastEventId: string;
}

/** The event stream format of the HTML standard. Bytes may be cut anywhere, also inside a character or a CRLF. */
export class EventParser {
    constructor(options?: { maxEventChars?: number });
    /** The events that these bytes complete. Throws a SluiceError `protocol` for an event over `maxEventChars` (8 Mi by default). */
    push(bytes: Uint8Array): ServerSentEvent[];
    readonly lastEventId: string;
    /** The last `retry:` in ms, or null. */
    readonly retryMs: number | null;
}

// ---- the reply, assembled ----------------------------------------------------------------------------------------------

/** Pieces of the reply, in the order of their start. Pieces of a graph's parallel nodes interleave on the wire, not here. */
export type Part =
    | { readonly type: "text" | "refusal"; readonly part: number; readonly node: string | null; readonly text: string }
    | {
          readonly type: "reasoning";
          readonly part: number;
          readonly node: string | null;
          readonly text: string;
          readonly signature: string | null;
      }
    | {
          readonly type: "tool_call";
          readonly part: number;
          readonly node: string | null;
          readonly callId: string;
          readonly name: string;
          /** Text; it may be invalid JSON, and is a fragment until `isWhole`. */
          readonly arguments: string;
          readonly isWhole: boolean;
          readonly result: { readonly value: unknown; readonly isError: boolean } | null;
      }
    | {
          readonly type: "source";
          readonly part: number;
          readonly node: string | null;
          readonly url: string;
          readonly title: string;
      };

/** A step of a graph: where it stands now. */
export interface Step {
    readonly step: number;
    readonly node: string;
    readonly kind: string;
    readonly status: StepStatus;
    readonly ms: number | null;
    readonly error: StepError | null;
}

export type ReplyState = "waiting" | "queued" | "running" | "done" | "stopped" | "failed" | "interrupted";

/** What the events say so far. A new object for every change, unchanged parts are the same objects. */
export interface Reply {
    readonly generationId: string;
    readonly chatId: string | null;
    /** `waiting`: nothing was heard of it yet. */
    readonly state: ReplyState;
    /** The last seq that counts: the cursor. */
    readonly seq: number;
    readonly position: number | null;
    readonly parts: readonly Part[];
    /** The text parts, one after the other. */
    readonly text: string;
    readonly steps: readonly Step[];
    /** What runs the steps, or null where a model alone answers. */
    readonly graph: string | null;
    readonly model: string | null;
    readonly attempt: number;
    readonly messageId: string | null;
    readonly userMessageId: string | null;
    readonly finishReason: string | null;
    readonly usage: Usage | null;
    readonly error: GenerationError | null;
    readonly reason: StopReason | null;
    readonly restore: Restore | null;
    /** The turn is in the chat: `done`, or stopped with `on_stop: keep`. */
    readonly isCommitted: boolean;
    readonly isResumable: boolean;
}

export function emptyReply(generationId: string, chatId: string | null): Reply;

/** Assembles a reply. Events that came before are ignored, `reset` and `rewound` take back what they make void. */
export class ReplyAssembler {
    constructor(generationId: string, chatId: string | null, after?: number);
    readonly reply: Reply;
    /** False when the event changed nothing (a seq that was there before, or after the end). */
    add(event: SluiceEvent): boolean;
}

// ---- the client --------------------------------------------------------------------------------------------------------

export type Token = string | null | undefined;

export interface ClientOptions {
    /** Where sluice-api is, without `/v1`; "" (default): the page's own origin. */
    baseUrl?: string;
    /** A key or token, or a function that gets one. A function is asked once, and once again after each 401;
     *  it may take its time, and a stop does not wait for it. */
    token?: Token | (() => Token | Promise<Token>);
    fetch?: typeof fetch;
    /** How long to go on trying while nobody answers, or 429 and 5xx do (default 120 s). What comes through starts it anew. */
    patienceMs?: number;
    /** A connection that gives not even a comment for so long is taken for lost (default 45 s; the server comments every 15 s). */
    silenceMs?: number;
}

/** Why nothing comes just now: the connection was lost, or the server asks for patience. */
export interface Waiting {
    readonly attempt: number;
    readonly ms: number;
    readonly error: SluiceError;
}

export interface StreamOptions {
    /** Told with an object before each pause, and with null when the connection stands again. */
    onWaiting?: (waiting: Waiting | null) => void;
}

export interface Stopped {
    /** What was sent, to be put back into the input; there at once. Null for a stream that was taken up by `resume`. */
    readonly restore: Restore | null;
    /** What the server says really happened. Rejects with a SluiceError when it cannot be told. */
    readonly answer: Promise<StopAnswer>;
}

/** A generation being read. Iterate it once: its events in order and once each, over lost connections, to the terminal one. The request
 *  leaves when reading begins. Throws a SluiceError when it is refused, or patience ends; the generation may still run then. */
export interface MessageStream extends AsyncIterable<SluiceEvent> {
    readonly generationId: string;
    readonly chatId: string | null;
    readonly reply: Reply;
    /** Reads to the end, for callers that want no events. */
    finish(): Promise<Reply>;
    /** Aborts the fetch and ends the iteration in this same tick: no event comes after this. Tells the server meanwhile. */
    stop(): Stopped;
    /** Ends reading; the generation goes on (as its `on_disconnect` says). */
    close(): void;
}

export interface Client {
    /** A turn of a chat, or with `messages` a stateless generation. The same `generation_id` and body again is the same generation. */
    streamMessage(request: MessageRequest | StatelessRequest, options?: StreamOptions): MessageStream;
    /** Reads a generation again, from event 1 or behind the cursor `after`. */
    resume(generationId: string, options?: StreamOptions & { after?: number; chatId?: string | null }): MessageStream;
    /** What the chat is answering now, or null. Never an error for a chat without a record. */
    resumeChat(chatId: string, options?: StreamOptions): Promise<MessageStream | null>;
    /** A generation that was interrupted goes on, as a new one that begins with what was shown. */
    continueGeneration(generationId: string, options?: StreamOptions & { newId?: string; chatId?: string | null }): MessageStream;
    /** Stops by generation id (`chat_id` alone: whatever runs in the chat). Sent with `keepalive`, and again when nobody answers. */
    stop(target: { generation_id?: string; chat_id?: string; seen?: number; all?: boolean }): Promise<StopAnswer>;
    /** JSON in, JSON out, for the other routes: `client.request<ChatRecord>("GET", "/v1/chats/c1")`; the type is the caller's word. With the
     *  token, patience and errors of this client; what is not GET is sent once unless it `isSafe`. Null for an answer without a body. */
    request<T = unknown>(method: string, path: string, body?: unknown, options?: { signal?: AbortSignal; keepalive?: boolean; isSafe?: boolean }): Promise<T>;
    /** One chat, as a state machine. */
    chat(options?: ChatOptions): Chat;
}

export function createClient(options?: ClientOptions): Client;

/** `prefix_` and 130 random bits. */
export function mintId(prefix: string): string;

// ---- one chat ----------------------------------------------------------------------------------------------------------

/**
 *              send                first piece
 *   idle ───────────────► sending ────────────► streaming
 *     ▲ ▲                   │  ▲                   │
 *     │ └──── end, error ───┼──┼───────────────────┤
 *     │                     ▼  │ send              ▼ stop
 *     └───── answered ──── stopping ◄──────────────┘
 *
 * `stopping`: the input has its message again and the partial reply is gone, already; only the server's answer is open. Not drawn: a `reset` that
 * voids all pieces leads from streaming back to sending.
 */
export type ChatStatus = "idle" | "sending" | "streaming" | "stopping";

export interface Input {
    readonly text: string;
    readonly attachments: readonly Attachment[];
    /** Where the cursor was when it was sent; to be set when the input is restored. */
    readonly cursor: number;
    /** The message that this one replaces when it is sent, with all after it (an edit), or null. */
    readonly replaceFrom: string | null;
    /** Goes up whenever the client itself changed the input: put text and cursor into the box then. */
    readonly revision: number;
}

export interface ChatMessage {
    /** The same before and after the commit: for keyed lists. */
    readonly key: string;
    /** Null until the server has named it. */
    readonly id: string | null;
    readonly role: "user" | "assistant";
    readonly text: string;
    readonly parts: readonly Part[];
    readonly attachments: readonly Attachment[];
    /** `committed`: in the chat's history. Else what becomes of the turn (`failed` also when it is not known): the last two messages only. */
    readonly state: "committed" | "pending" | "failed" | "interrupted";
    readonly generationId: string;
    readonly createdAt: number | null;
    readonly steps: readonly Step[];
    /** Of a reply: the graph that made it, or null. */
    readonly graph: string | null;
    readonly model: string | null;
    readonly finishReason: string | null;
    readonly usage: Usage | null;
    /** Committed, but cut by a stop (`on_stop: keep`). */
    readonly isCut: boolean;
    readonly metadata: Record<string, unknown> | null;
}

/** Replaced whole at each change, so that `===` tells whether anything changed. */
export interface ChatState {
    readonly chatId: string;
    /** The chat has a record: from the first event with `done: true`. Show its address from then on, not before. */
    readonly isSaved: boolean;
    readonly title: string | null;
    readonly status: ChatStatus;
    readonly input: Input;
    readonly messages: readonly ChatMessage[];
    /** Older messages are there: `loadOlder`. */
    readonly hasOlder: boolean;
    /** Of the turn that is being answered: how many are before it while it is queued. */
    readonly position: number | null;
    readonly steps: readonly Step[];
    readonly waiting: Waiting | null;
    readonly error: SluiceError | null;
    /** Whether `retry` can do something. */
    readonly canRetry: boolean;
}

export interface ChatOptions {
    /** An existing chat; without it a new one is begun, under an id minted here. */
    chatId?: string | undefined;
    /** For every turn: model, graph, params, ... May be changed at any time: `chat.turn = {...}`. With `on_stop: keep` a stop gives the
     *  message back all the same, until the server's answer says that the turn was kept. */
    turn?: TurnOptions;
    /** Every event that counts, as it comes, after the state has changed. */
    onEvent?: (event: SluiceEvent) => void;
}

export interface SendOptions {
    /** In place of the input, which stays as it is. A stop puts it into the input all the same. Whoever passes `send` as a listener
     *  passes an event here, which has none of these. */
    text?: string;
    attachments?: readonly Attachment[];
    replaceFrom?: string | null;
    /** Over those of the chat, for this turn. */
    turn?: TurnOptions;
}

export interface Chat {
    readonly state: ChatState;
    readonly client: Client;
    turn: TurnOptions;
    /** The listener is called after each change, never in the middle of one. Returns what ends it. */
    subscribe(listener: () => void): () => void;
    /** What the user types: a change by the user, after which a restored text is never taken away. */
    setInput(text: string, cursor?: number): void;
    setAttachments(attachments: readonly Attachment[]): void;
    /** The record: messages, and the turn that is being answered, whose stream is taken up. Also to look again, while idle. A chat that has no
     *  record, or no longer, is a new one without messages, no error. False when it could not be loaded (`error` says why). */
    load(): Promise<boolean>;
    loadOlder(): Promise<void>;
    /** Takes up what a chat without a record is answering (a reload in its first turn); asks nothing that could be a 404. False: nothing. */
    attach(): Promise<boolean>;
    /** Sends the input, and empties it. Resolves when the turn is over; null when there was nothing to send or a turn is under way. Never
     *  rejects: what went wrong is in `error`. While `stopping` it waits for the stop first. */
    send(options?: SendOptions): Promise<Reply | null>;
    /** At once, in this tick: the fetch is aborted, message, attachments and cursor are in the input again (before what was typed since),
     *  the partial reply is gone, replaced messages are back. Meanwhile the server is told. If it says that the turn was committed first, the
     *  reply is shown, and the restored text goes away, unless the user has touched it. Null when nothing runs. */
    stop(): Stopped | null;
    /** The turn that ended with an error, once more: the same generation while it is not known whether it arrived, the rest of it where it was
     *  interrupted and can go on, else a new one. */
    retry(): Promise<Reply | null>;
    /** Takes the turn that ended with an error off the list and puts its message into the input. One that may run all the same (the connection
     *  was lost for too long) is stopped, as it is when another message is sent. */
    takeBack(): void;
    /** The message goes into the input, to replace itself when it is sent. `cancelEdit` gives the input back as it was. */
    edit(messageId: string): void;
    cancelEdit(): void;
    /** The same message once more, in place of this reply (default: the last) and all after it. */
    regenerate(messageId?: string): Promise<Reply | null>;
    /** Ends reading, as when a component goes away; what runs goes on. */
    close(): void;
    /** Goes on after `close`: what was being read is read again. A chat that was given by id and not loaded yet is loaded. */
    open(): Promise<void>;
}
