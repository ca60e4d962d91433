// What the stream told of the last minutes, put together by slot. Pure.

export const KEPT_MS = 15 * 60 * 1000;
const NOTHING = { tokens: 0, first_token: { count: 0 }, stop: { count: 0 }, ended: {}, errors: [] };

export class Past {
    #slots = new Map(); // by begin
    #slotMs = 5000;
    #end = 0; // of the last slot that is over

    add({ at, slot_ms: slotMs, slots }) {
        this.#slotMs = slotMs;
        this.#end = at - (at % slotMs);
        for (const slot of slots) this.#slots.set(slot.at, slot);
        for (const begin of this.#slots.keys()) if (begin < this.#end - KEPT_MS) this.#slots.delete(begin);
    }

    /** What is over, oldest first, without gaps: [{at, ms, tokens, ...}], `together` slots in one. */
    rows(together = 1) {
        const ms = this.#slotMs * together;
        const rows = [];
        for (let at = this.#end - (this.#end % ms) - KEPT_MS; at < this.#end; at += ms)
            rows.push({ at, ms, ...this.#sum(at, together) });
        return rows;
    }

    #sum(at, together) {
        if (together === 1) return this.#slots.get(at) ?? NOTHING;
        const ended = {};
        for (let i = 0; i < together; i++) {
            const slot = this.#slots.get(at + i * this.#slotMs) ?? NOTHING;
            for (const [state, n] of Object.entries(slot.ended)) ended[state] = (ended[state] ?? 0) + n;
        }
        return { ended };
    }

    /** {state: count} of all that is kept, what is not over too. */
    ended() {
        const sums = { done: 0, stopped: 0, failed: 0, interrupted: 0 };
        for (const slot of this.#slots.values()) for (const [state, n] of Object.entries(slot.ended)) sums[state] += n;
        return sums;
    }

    /** [[code, count]], the most frequent first. */
    errors() {
        const sums = new Map();
        for (const slot of this.#slots.values())
            for (const { code, count } of slot.errors) sums.set(code, (sums.get(code) ?? 0) + count);
        return [...sums].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
    }
}
