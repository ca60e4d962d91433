// The message box: what is typed and attached, where the cursor is, Send and Stop. It shows a chat's input and tells the chat what the
// user does; what a stop gives back is put here in the same tick.

import { $, announce, el, icon } from "./dom.js";
import { fileChip, readFiles } from "./files.js";

const TOUCH = matchMedia("(pointer: coarse)");
const CALM = matchMedia("(prefers-reduced-motion: reduce)");
const GROWS_ITSELF = CSS.supports("field-sizing", "content");

export class Composer {
    #chat = null;
    #revision = -1;
    #shown = null; // the attachments on view
    #isRunning = false;

    /** actions: {send(), stop(), takesImages(), notice(text)}. */
    constructor(actions) {
        this.actions = actions;
        this.form = $("composer");
        this.box = $("input");
        this.#listen();
    }

    #listen() {
        const { form, box } = this;
        form.addEventListener("submit", (event) => this.#submit(event));
        box.addEventListener("input", () => this.#typed());
        box.addEventListener("keydown", (event) => this.#key(event));
        box.addEventListener("paste", (event) => this.#take(event, event.clipboardData));
        $("stop").addEventListener("click", () => this.actions.stop());
        $("edit-cancel").addEventListener("click", () => {
            this.#chat.cancelEdit();
            box.focus();
        });
        $("attach").addEventListener("click", () => $("pick-files").click());
        $("pick-files").addEventListener("change", (event) => {
            void this.#add([...event.target.files]);
            event.target.value = ""; // the same file again is a change
        });
        const main = $("main");
        main.addEventListener("dragover", (event) => this.#drag(event, true));
        main.addEventListener("dragleave", (event) => main.contains(event.relatedTarget) || form.classList.remove("drop"));
        main.addEventListener("drop", (event) => {
            this.#drag(event, false);
            this.#take(event, event.dataTransfer);
        });
    }

    // -- what the user does --------------------------------------------------------------------------------------------------

    #typed() {
        this.#chat.setInput(this.box.value, this.box.selectionStart);
        this.#grow();
    }

    #submit(event) {
        event.preventDefault();
        if (this.#isRunning) {
            announce("Wait for the answer, or stop it");
            return;
        }
        this.#chat.setInput(this.box.value, this.box.selectionStart); // where the cursor is now
        this.actions.send();
        this.focus();
    }

    #key(event) {
        const isSend = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;
        if (isSend && (!TOUCH.matches || event.ctrlKey || event.metaKey)) {
            event.preventDefault();
            this.form.requestSubmit();
        }
    }

    #drag(event, isOver) {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        this.form.classList.toggle("drop", isOver);
    }

    #take(event, given) {
        if (!given || given.files.length === 0) return;
        event.preventDefault();
        void this.#add([...given.files]);
    }

    async #add(files) {
        const chat = this.#chat;
        const { attachments, troubles } = await readFiles(files, chat.state.input.attachments, this.actions.takesImages());
        if (attachments.length > 0) {
            chat.setAttachments([...chat.state.input.attachments, ...attachments]);
            announce(`Attached: ${attachments.map((one) => one.name).join(", ")}`);
        }
        this.actions.notice(troubles.join(". "));
        this.box.focus();
    }

    // -- what the chat says --------------------------------------------------------------------------------------------------

    use(chat) {
        this.#chat = chat;
        this.#revision = -1;
        this.show(chat.state);
    }

    /** Not where it would bring up a keyboard on the screen. */
    focus() {
        if (!TOUCH.matches) this.box.focus();
    }

    show({ status, input, messages }) {
        const isRunning = status === "sending" || status === "streaming";
        if (input.revision !== this.#revision) this.#put(input, this.#revision >= 0);
        if (input.attachments !== this.#shown) this.#showFiles(input.attachments);
        this.box.placeholder = messages.at(-1)?.finishReason === "ask" ? "Write your answer" : "Write a message";
        $("editing").hidden = input.replaceFrom === null;
        $("stop").hidden = !isRunning;
        $("send").hidden = isRunning;
        $("send").disabled = input.text.trim() === "" && input.attachments.length === 0;
        this.#isRunning = isRunning;
    }

    #put({ revision, text, cursor }, isChange) {
        this.#revision = revision;
        this.box.value = text;
        this.#grow();
        if (!isChange || text === "") return;
        this.box.focus({ preventScroll: true });
        this.box.setSelectionRange(cursor, cursor);
        this.form.classList.remove("back");
        void this.form.offsetWidth; // the motion begins anew
        this.form.classList.add("back");
    }

    /** Where a change moves the box, it is seen to move. What is in it is there at once. */
    glide(change) {
        const before = this.form.getBoundingClientRect().top;
        change();
        const by = before - this.form.getBoundingClientRect().top;
        if (by !== 0 && !CALM.matches)
            this.form.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], {
                duration: 260,
                easing: "cubic-bezier(.2, .8, .2, 1)",
            });
    }

    #grow() {
        if (GROWS_ITSELF) return;
        this.box.style.height = "auto";
        this.box.style.height = `${this.box.scrollHeight}px`;
    }

    #showFiles(attachments) {
        this.#shown = attachments;
        const chips = attachments.map((attachment) => {
            const name = attachment.name ?? "file";
            const remove = el(
                "button",
                { class: "quiet", type: "button", "aria-label": `Remove ${name}`, onclick: () => this.#remove(attachment) },
                icon("close"),
            );
            return fileChip(attachment, { tag: "li" }, remove);
        });
        $("files").replaceChildren(...chips);
        $("files").hidden = chips.length === 0;
    }

    #remove(attachment) {
        this.#chat.setAttachments(this.#chat.state.input.attachments.filter((one) => one !== attachment));
        this.box.focus();
    }
}
