// The box that the user types into: what a stop or an edit puts there, and what the user made of it since.

const EMPTY = { text: "", attachments: [], cursor: 0, replaceFrom: null };

export class Input {
    #restored = null; // {turn, draft}: a message was given back, and not touched since
    #beforeEdit = null;

    value = { ...EMPTY, revision: 0 };

    /** By the client: page and box take it over. */
    #put({ text, attachments, cursor, replaceFrom }) {
        this.value = { text, attachments, cursor, replaceFrom, revision: this.value.revision + 1 };
    }

    /** By the user. The cursor alone is no touch. */
    type(text, cursor) {
        if (text !== this.value.text) this.#restored = null;
        this.value = { ...this.value, text, cursor };
    }

    attach(attachments) {
        this.#restored = null;
        this.value = { ...this.value, attachments };
    }

    /** It was sent. */
    empty() {
        this.#put(EMPTY);
        this.#restored = this.#beforeEdit = null;
    }

    /** Nothing that was typed meanwhile is lost: it stands behind. `isForGood`: what was given back is never taken away again. */
    giveBack(turn, isForGood) {
        const draft = this.value;
        this.#restored = isForGood ? null : { turn, draft };
        this.#put({
            text: draft.text === "" ? turn.message : `${turn.message}\n${draft.text}`,
            attachments: [...turn.attachments, ...draft.attachments],
            cursor: turn.cursor,
            replaceFrom: turn.replaceFrom,
        });
    }

    /** The turn was committed after all: its message goes away, unless the user has touched it. */
    takeAway(turn) {
        if (this.#restored?.turn !== turn) return;
        this.#put(this.#restored.draft);
        this.#restored = null;
    }

    edit({ id, text, attachments }) {
        this.#beforeEdit ??= this.value;
        this.#restored = null;
        this.#put({ text, attachments, cursor: text.length, replaceFrom: id });
    }

    cancelEdit() {
        if (this.value.replaceFrom === null) return;
        this.#put(this.#beforeEdit ?? EMPTY);
        this.#beforeEdit = this.#restored = null;
    }

    /** What it would replace has another id now. */
    moveReplaceFrom(from, to) {
        if (this.value.replaceFrom === from) this.value = { ...this.value, replaceFrom: to };
    }
}
