// One chat: its messages, its input, and the turn that is being answered. What its status can be, and when it changes, is drawn in
// sluice.d.ts. The invariant: a stop and all that it gives back happen in one tick, and nothing of a turn that was left changes
// anything later.
import { errorOfEnd, isWorthWaiting, tell } from "./errors.js";
import { Input } from "./input.js";
import { before, messageOfRecord, messagesOfTurn } from "./messages.js";
import { pathOf } from "./http.js";
import { isEnd } from "./reply.js";
import { isOver, makeTurn, streamOfTurn, turnAgain, turnOfRecord } from "./turn.js";

const PAGE = 100; // messages of one load
const CANNOT_CONTINUE = new Set(["cannot_continue", "gone", "not_found", "not_supported"]);

export class Chat {
    #mintId;
    #onEvent;
    #chatId;
    #isGiven; // by the caller: it may have a record
    #listeners = new Set();
    #snapshot = null;
    #timer = null;
    #session = 0; // goes up with each close: what began before counts no longer
    #committed = [];
    #commits = 0; // turns that were committed while we read
    #next = null;
    #title = null;
    #isSaved = false;
    #turn = null;
    #stops = new Set(); // those that the server has not answered
    #input = new Input();
    #waiting = null;
    #error = null;

    constructor(client, mintId, { chatId, turn = {}, onEvent = () => {} } = {}) {
        this.client = client;
        this.turn = turn;
        this.#mintId = mintId;
        this.#onEvent = onEvent;
        this.#isGiven = chatId !== undefined;
        this.#chatId = chatId ?? mintId("chat");
    }

    // -- what is seen ----------------------------------------------------------------------------------------------------

    get state() {
        return (this.#snapshot ??= this.#look());
    }

    get #isRunning() {
        return this.#turn?.isRunning === true;
    }

    get #status() {
        if (!this.#isRunning) return this.#stops.size > 0 ? "stopping" : "idle";
        const { parts, steps } = this.#turn.reply;
        return parts.length > 0 || steps.length > 0 ? "streaming" : "sending";
    }

    #look() {
        const turn = this.#turn;
        const reply = turn?.reply;
        return {
            chatId: this.#chatId,
            isSaved: this.#isSaved,
            title: this.#title,
            status: this.#status,
            input: this.#input.value,
            messages: turn ? this.#withTurn(turn) : this.#committed,
            hasOlder: this.#next !== null,
            position: reply?.position ?? null,
            steps: reply?.steps ?? [],
            waiting: this.#waiting,
            error: this.#error,
            canRetry: turn !== null && !turn.isRunning,
        };
    }

    /** The record may have it already, when it was read after the commit and before its event. */
    #withTurn(turn) {
        const others = this.#committed.filter((m) => m.generationId !== turn.generationId);
        return [...before(others, turn.replaceFrom), ...messagesOfTurn(turn)];
    }

    subscribe = (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
    };

    #changed() {
        clearTimeout(this.#timer);
        this.#timer = null;
        this.#snapshot = null;
        for (const listener of [...this.#listeners]) tell(listener);
    }

    /** Pieces that came together are told together. */
    #changedSoon() {
        this.#snapshot = null;
        this.#timer ??= setTimeout(() => this.#changed());
    }

    // -- the input -------------------------------------------------------------------------------------------------------

    setInput = (text, cursor = text.length) => {
        this.#input.type(text, cursor);
        this.#changed();
    };

    setAttachments = (attachments) => {
        this.#input.attach(attachments);
        this.#changed();
    };

    edit = (messageId) => {
        const message = this.#committed.find((m) => m.id === messageId && m.role === "user");
        if (!message) return;
        this.#input.edit(message);
        this.#changed();
    };

    cancelEdit = () => {
        this.#input.cancelEdit();
        this.#changed();
    };

    // -- a turn ----------------------------------------------------------------------------------------------------------

    send = async ({ turn: options, ...given } = {}) => {
        const isInput = given.text === undefined && given.attachments === undefined;
        const from = isInput ? this.#input.value : {};
        const { text = from.text ?? "", attachments = from.attachments ?? [], replaceFrom = from.replaceFrom ?? null } = given;
        const cursor = from.cursor ?? text.length;
        if (this.#isRunning || (text.trim() === "" && attachments.length === 0)) return null;
        this.#drop();
        if (isInput) this.#input.empty();
        const all = { ...this.turn, ...options };
        const fields = { message: text, attachments, cursor, replaceFrom, options: all, metadata: all.metadata ?? null };
        return this.#begin(this.#newTurn(fields));
    };

    regenerate = async (messageId) => {
        const isReply = (m) => m.role === "assistant" && (messageId === undefined || m.id === messageId);
        const at = this.#committed.findLastIndex(isReply);
        const asked = this.#committed[at - 1];
        if (this.#isRunning || asked?.role !== "user") return null;
        this.#drop();
        const { text: message, attachments, id: replaceFrom, metadata } = asked;
        const fields = { message, attachments, replaceFrom, metadata, goesBack: false, options: { ...this.turn } };
        return this.#begin(this.#newTurn(fields));
    };

    #newTurn(fields) {
        return makeTurn(this.#mintId("gen"), this.#chatId, fields);
    }

    /** Behind what is being stopped: else the chat would be busy with it. */
    async #begin(turn, stream = null) {
        const session = this.#session;
        this.#turn = turn;
        this.#error = this.#waiting = null;
        turn.isRunning = true;
        this.#changed();
        while (this.#stops.size > 0) await Promise.all(this.#stops);
        if (this.#turn !== turn || this.#session !== session) return turn.reply; // stopped or closed before it was sent
        return this.#read(turn, stream ?? streamOfTurn(this.client, turn, (waiting) => this.#onWaiting(turn, waiting)));
    }

    #onWaiting(turn, waiting) {
        if (this.#turn !== turn || this.#waiting === waiting) return;
        this.#waiting = waiting;
        this.#changed();
    }

    async #read(turn, stream) {
        const isCurrent = () => this.#turn === turn && turn.stream === stream;
        turn.stream = stream;
        try {
            for await (const event of stream) {
                if (!isCurrent()) break;
                turn.reply = stream.reply;
                if (isEnd(event)) this.#end(turn);
                else this.#changedSoon();
                tell(this.#onEvent, event);
            }
        } catch (error) {
            if (isCurrent()) return this.#fail(turn, error);
        }
        return stream.reply;
    }

    #end(turn) {
        const { state, isCommitted, reason, error, messageId } = turn.reply;
        turn.isRunning = false;
        this.#waiting = null;
        if (isCommitted) {
            this.#committed = this.#withTurn(turn);
            this.#commits++;
            this.#isSaved = true;
            this.#turn = null;
            if (state === "stopped" || messageId === null) void this.#reload(); // it may be shorter than what was seen
        } else if (state === "stopped") {
            this.#turn = null;
            if (turn.goesBack && (turn.isOwn || reason !== "user")) this.#input.giveBack(turn, true); // else another page has it
        } else {
            this.#error = errorOfEnd(error);
        }
        this.#changed();
    }

    #fail(turn, error) {
        if (turn.continues && CANNOT_CONTINUE.has(error.code)) return this.#begin(this.#again(turn));
        turn.isRunning = false;
        this.#waiting = null;
        this.#error = error;
        this.#changed();
        return turn.reply;
    }

    #again(turn, continues) {
        return turnAgain(turn, this.#mintId("gen"), continues);
    }

    retry = async () => {
        const turn = this.#turn;
        if (!turn || turn.isRunning) return null;
        const isCut = turn.reply.state === "interrupted" && turn.reply.isResumable;
        if (isCut) return this.#begin(this.#again(turn, turn.generationId));
        return this.#begin(isOver(turn) ? this.#again(turn) : turn);
    };

    takeBack = () => {
        const turn = this.#turn;
        if (!turn || turn.isRunning) return;
        this.#input.giveBack(turn, !this.#drop());
        this.#turn = this.#error = null;
        this.#changed();
    };

    /** The turn that ended with an error goes out of sight. One that may run all the same is stopped: then true. */
    #drop() {
        const turn = this.#turn;
        const mayRun = turn !== null && !isOver(turn) && (turn.reply.seq > 0 || isWorthWaiting(this.#error));
        if (mayRun) this.#awaitStop(turn).ask();
        return mayRun;
    }

    // -- stop ------------------------------------------------------------------------------------------------------------

    stop = () => {
        const turn = this.#turn;
        if (!turn?.isRunning) return null;
        this.#turn = this.#waiting = null;
        if (turn.goesBack) this.#input.giveBack(turn, false);
        const { answer, ask } = this.#awaitStop(turn);
        this.#changed(); // first it is seen, then it is sent
        ask();
        const { message, attachments, metadata } = turn;
        return { restore: { message, attachments, metadata }, answer };
    };

    /** From now on a stop is open; `ask` leaves the stream and tells the server. What that says is taken note of. */
    #awaitStop(turn) {
        let asked;
        const answer = new Promise((resolve) => (asked = resolve));
        const told = answer
            .then((said) => said.committed && this.#keep(turn))
            .catch((error) => (this.#error = error))
            .finally(() => {
                this.#stops.delete(told);
                this.#changed();
            });
        this.#stops.add(told);
        const ask = () => asked(turn.stream ? turn.stream.stop().answer : this.client.stop({ generation_id: turn.generationId }));
        return { answer, ask };
    }

    /** The stop came too late: the turn is in the chat. */
    async #keep(turn) {
        if ((await this.#fetchRecord()) === null) return;
        this.#input.takeAway(turn);
        if (turn.replaceFrom === null) return;
        // What it replaced has gone: whoever still means to replace that means this message now.
        const id = this.#committed.find((m) => m.generationId === turn.generationId && m.role === "user")?.id ?? null;
        this.#input.moveReplaceFrom(turn.replaceFrom, id);
        if (this.#turn?.replaceFrom === turn.replaceFrom) this.#turn.replaceFrom = id;
    }

    // -- the record ------------------------------------------------------------------------------------------------------

    async #fetchRecord() {
        const session = this.#session;
        let record, commits;
        do {
            commits = this.#commits;
            record = await this.client.request("GET", pathOf("chats", this.#chatId, `?limit=${PAGE}`));
            if (session !== this.#session) return null;
        } while (commits !== this.#commits); // it may be older than what we have
        const messages = record.messages.map(messageOfRecord);
        const at = messages.length > 0 ? this.#committed.findIndex((m) => m.id === messages[0].id) : -1;
        const older = at > 0 ? this.#committed.slice(0, at) : [];
        this.#committed = [...older, ...messages];
        if (older.length === 0) this.#next = record.next;
        this.#title = record.title;
        this.#isSaved = true;
        const isThere = messages.some((m) => m.generationId === this.#turn?.generationId);
        if (isThere && !this.#isRunning) this.#turn = this.#error = null; // it was given up too early
        return record;
    }

    async #reload() {
        await this.#fetchRecord().catch((error) => (this.#error = error));
        this.#changed();
    }

    /** There is no record, or no longer: what was in it is not what an answer would go on with. */
    #forget() {
        this.#committed = [];
        this.#next = this.#title = null;
        this.#isSaved = false;
        this.#changed();
    }

    load = async () => {
        const session = this.#session;
        const commits = this.#commits;
        try {
            const record = await this.#fetchRecord();
            this.#changed();
            if (record?.active) await this.#takeUp(record.active.generation_id);
            return record !== null;
        } catch (error) {
            if (session !== this.#session) return false;
            if (error.code === "not_found") {
                if (commits === this.#commits) this.#forget(); // else it was asked too early
                return this.attach().then(() => true);
            }
            this.#error = error;
            this.#changed();
            return false;
        }
    };

    loadOlder = async () => {
        const next = this.#next;
        if (next === null) return;
        try {
            const record = await this.client.request("GET", pathOf("chats", this.#chatId, `?limit=${PAGE}&before=${next}`));
            if (this.#next !== next) return; // asked for twice
            this.#committed = [...record.messages.map(messageOfRecord), ...this.#committed];
            this.#next = record.next;
        } catch (error) {
            this.#error = error;
        }
        this.#changed();
    };

    attach = async () => {
        if (this.#isRunning) return true;
        const session = this.#session;
        try {
            const onWaiting = (waiting) => this.#onWaiting(this.#turn, waiting);
            const stream = await this.client.resumeChat(this.#chatId, { onWaiting });
            if (session !== this.#session) stream?.close();
            else if (stream) await this.#takeUp(stream.generationId, stream);
            return stream !== null;
        } catch (error) {
            this.#error = error;
            this.#changed();
            return false;
        }
    };

    /** Shows the turn as it was sent, and reads its stream. One of our own that was given up is that one again. */
    async #takeUp(generationId, stream = null) {
        const session = this.#session;
        const isFree = () => session === this.#session && !this.#isRunning;
        let turn = this.#turn;
        if (turn === null) {
            const record = await this.client.request("GET", pathOf("generations", generationId));
            if (isFree() && this.#turn === null && record.request) turn = turnOfRecord(record, this.#chatId);
        }
        if (isFree() && turn?.generationId === generationId) void this.#begin(turn, stream);
        else stream?.close();
    }

    open = async () => {
        if (this.#isRunning) void this.#begin(this.#turn);
        else if (this.#isGiven && !this.#isSaved) await this.load();
    };

    close = () => {
        this.#session++;
        this.#turn?.stream?.close();
        clearTimeout(this.#timer);
        this.#timer = null;
    };
}
