// Keeps the newest text in view for whoever looks at it, and leaves whoever reads further up where they are.

import { $ } from "./dom.js";

const NEAR = 56; // pixels from the end that still count as the end

export class Follow {
    #isFollowing = true;

    constructor() {
        this.box = $("scroll");
        this.button = $("latest");
        this.box.addEventListener("scroll", () => this.#look(), { passive: true });
        this.button.addEventListener("click", () => this.toEnd());
        new ResizeObserver(() => this.keep()).observe(this.box);
    }

    get #left() {
        return this.box.scrollHeight - this.box.clientHeight - this.box.scrollTop;
    }

    #look() {
        this.#isFollowing = this.#left < NEAR;
        this.button.hidden = this.#isFollowing;
    }

    /** After the text has grown. */
    keep() {
        if (this.#isFollowing) this.box.scrollTop = this.box.scrollHeight;
        else this.button.hidden = this.#left < NEAR;
    }

    toEnd() {
        this.#isFollowing = true;
        this.keep();
        this.button.hidden = true;
    }

    /** While older messages are put above, what is in view stays in view. */
    async holding(change) {
        const before = this.#left + this.box.clientHeight;
        await change();
        this.box.scrollTop = this.box.scrollHeight - before;
    }
}
