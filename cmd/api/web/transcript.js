// The conversation as it is shown: one section a message, kept from state to state by the message's key.

import { copyButton, el, icon, iconButton } from "./dom.js";
import { fileChip } from "./files.js";
import { link, Markdown, safeAddress } from "./markdown.js";

const number = new Intl.NumberFormat("en");
const duration = (ms) => (ms < 1 ? "" : ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);
const joined = (...words) => words.filter(Boolean).join(" · ");

function usageText({ graph, model, usage }) {
    const who = joined(graph, model);
    if (!usage || usage.source === "none") return who;
    const about = usage.source === "estimated" ? "about " : "";
    const counts = [
        ["input", "in"],
        ["output", "out"],
    ]
        .filter(([name]) => usage[name] !== null)
        .map(([name, word]) => `${about}${number.format(usage[name])} ${word}`);
    return joined(who, ...(counts.length > 0 ? counts : ["usage unknown"]));
}

function usageTitle(usage) {
    if (!usage) return null;
    const rows = ["input", "output", "cached", "reasoning"]
        .filter((name) => usage[name] !== null)
        .map((name) => `${name} ${number.format(usage[name])}`);
    return `Tokens: ${rows.join(", ") || "not told"} (${usage.source})`;
}

/** A fold whose body is made when it is needed first. */
class Fold {
    constructor(isOpen = false) {
        this.title = el("span");
        this.body = el("div", { class: "fold-body" });
        this.element = el("details", { class: "fold", open: isOpen }, el("summary", {}, icon("fold"), this.title), this.body);
    }

    set(title, text) {
        this.title.textContent = title;
        if (text === undefined) return;
        const old = this.body.textContent;
        if (text.startsWith(old)) this.body.append(text.slice(old.length));
        else this.body.textContent = text;
    }
}

// -- parts of a reply --------------------------------------------------------------------------------------------------------
// Each has `element` and `set(part, isLive)`, which is false when it wants to be called again.

class TextPart extends Markdown {
    set(part, isLive) {
        return super.set(part.text, !isLive);
    }
}

class RefusalPart {
    element = el("p", { class: "refusal" });
    set(part) {
        this.element.textContent = part.text;
        return true;
    }
}

class ReasoningPart extends Fold {
    set(part, isLive, isLast) {
        super.set(isLive && isLast ? "Thinking…" : "Thought about it", part.text);
        this.element.hidden = part.text === "" && !(isLive && isLast);
        return true;
    }
}

class CallPart extends Fold {
    constructor() {
        super();
        this.body.classList.add("raw");
    }

    set(part, isLive) {
        const { name, result } = part;
        const shown =
            result === null ? "" : typeof result.value === "string" ? result.value : JSON.stringify(result.value, null, 2);
        super.set(
            result === null
                ? isLive
                    ? `Calling ${name}…`
                    : `Called ${name}`
                : result.isError
                  ? `${name} failed`
                  : `Used ${name}`,
        );
        this.body.textContent = shown === "" ? part.arguments : `${part.arguments}\n\n→ ${shown}`;
        return true;
    }
}

class SourcePart {
    element = el("p", { class: "source" });
    set(part) {
        const address = safeAddress(part.url);
        const words = part.title || part.url;
        this.element.replaceChildren("Source: ", address === null ? words : link(address, words));
        return true;
    }
}

const PARTS = { text: TextPart, refusal: RefusalPart, reasoning: ReasoningPart, tool_call: CallPart, source: SourcePart };

// -- steps of a graph --------------------------------------------------------------------------------------------------------

const UNDER_WAY = new Set(["started", "retrying", "progress"]);
const isInside = ({ node }) => node.includes("/"); // of a map, a branch, a sub-graph

class Steps extends Fold {
    constructor() {
        super(true);
        this.list = el("ul", { class: "steps" });
        this.body.replaceWith(this.list);
        this.wasLive = null;
    }

    set(steps, isLive) {
        if (steps === this.shown && isLive === this.wasLive) return;
        this.shown = steps;
        const last = steps.findLast((step) => UNDER_WAY.has(step.status)) ?? steps.at(-1);
        const ms = steps.reduce((sum, step) => sum + (isInside(step) ? 0 : (step.ms ?? 0)), 0); // what is inside a step is in its time
        const count = `${steps.length} ${steps.length === 1 ? "step" : "steps"}`;
        super.set(isLive ? `Working: ${last.node}` : joined(count, duration(ms)));
        if (this.wasLive !== isLive) this.element.open = isLive; // folds itself when the work is done
        this.wasLive = isLive;
        this.list.replaceChildren(...steps.map((step) => this.#row(step, isLive)));
    }

    #row(step, isLive) {
        const { node, kind, status, ms, error } = step;
        const isRunning = UNDER_WAY.has(status);
        const how = !isRunning ? status : !isLive ? "stopped" : status === "progress" ? "started" : status;
        const why = error ? el("span", { class: "why" }, error.message ?? error.code) : null;
        const time = typeof ms === "number" && !isRunning ? el("span", { class: "ms" }, duration(ms)) : null;
        return el(
            "li",
            { class: isInside(step) ? `${how} inside` : how },
            el("span", { class: "name" }, node),
            el("span", { class: "kind" }, kind),
            why,
            el("span", { class: "unseen" }, how),
            time,
        );
    }
}

// -- messages ----------------------------------------------------------------------------------------------------------------

/** Why an answer ends where the reader may not expect it. */
const NOTES = {
    length: "Cut off here: the answer reached its longest length.",
    content_filter: "Cut off here by the provider’s filter.",
};

class Said {
    constructor(message, actions) {
        const files = message.attachments.map((attachment) => fileChip(attachment, { isLarge: true }));
        const bubble = message.text === "" ? null : el("div", { class: "bubble", dir: "auto" }, message.text);
        const edit = iconButton("edit", "Edit this message", () => actions.edit(this.message.id));
        edit.classList.add("when-idle");
        this.acts = el(
            "div",
            { class: "acts" },
            copyButton(() => message.text, "Copy this message"),
            edit,
        );
        this.element = el(
            "section",
            { class: "turn said" },
            el("h2", { class: "unseen" }, "You"),
            files.length > 0 ? el("div", { class: "given" }, ...files) : null,
            bubble,
            this.acts,
        );
    }

    set(message) {
        this.message = message;
        this.acts.hidden = message.state !== "committed";
        return true;
    }
}

class Reply {
    constructor(message, actions) {
        this.parts = [];
        this.steps = null;
        this.doing = el("p", { class: "doing" });
        this.body = el("div", { class: "reply-body" });
        this.usage = el("span", { class: "usage" });
        const again = iconButton("again", "Answer again", () => actions.regenerate(this.message.id));
        again.classList.add("when-idle");
        this.acts = el(
            "div",
            { class: "acts" },
            copyButton(() => this.message.text, "Copy this answer"),
            again,
            this.usage,
        );
        this.cut = el("p", { class: "cut", hidden: true });
        this.element = el(
            "section",
            { class: "turn reply" },
            el("h2", { class: "unseen" }, "Answer"),
            this.body,
            this.doing,
            this.cut,
            this.acts,
        );
    }

    set(message, doing) {
        const isLive = message.state === "pending";
        const isSame = this.message === message;
        this.message = message;
        this.element.classList.toggle("live", isLive);
        this.element.setAttribute("aria-busy", String(isLive));
        this.doing.textContent = doing;
        this.doing.hidden = doing === "";
        if (isSame && !this.isBehind) return true;
        this.#setSteps(message, isLive);
        this.isBehind = !this.#setParts(message, isLive);
        this.#setActs(message);
        return !this.isBehind;
    }

    #setSteps({ steps }, isLive) {
        if (steps.length === 0) {
            this.steps?.element.remove();
            this.steps = null;
            return;
        }
        if (this.steps === null) {
            this.steps = new Steps();
            this.body.before(this.steps.element);
        }
        this.steps.set(steps, isLive);
    }

    #setParts({ parts }, isLive) {
        let isDone = true;
        parts.forEach((part, i) => {
            const Kind = PARTS[part.type] ?? RefusalPart;
            let view = this.parts[i];
            if (!(view instanceof Kind)) {
                const old = view;
                view = this.parts[i] = new Kind();
                if (old) old.element.replaceWith(view.element);
                else this.body.append(view.element);
            }
            isDone = view.set(part, isLive, i === parts.length - 1) && isDone;
        });
        for (const view of this.parts.splice(parts.length)) view.element.remove();
        return isDone;
    }

    #setActs(message) {
        this.acts.hidden = message.state !== "committed";
        const note = message.isCut ? "Stopped here." : (NOTES[message.finishReason] ?? "");
        this.cut.textContent = note;
        this.cut.hidden = note === "";
        this.usage.textContent = usageText(message);
        this.usage.title = usageTitle(message.usage) ?? "";
    }
}

/** What the reply does while it shows nothing, or nothing more. */
function doingOf(message, state) {
    if (message.state !== "pending") return "";
    if (state.waiting)
        return state.waiting.error.code === "network"
            ? "Connection lost, trying again…"
            : "The server asks for patience, trying again…";
    if (message.parts.length > 0 || message.steps.length > 0) return "";
    if (state.position === null) return message.model !== null || message.id !== null ? "Thinking…" : "Sending…";
    return state.position === 0 ? "Next in the queue" : `In the queue, ${number.format(state.position)} before you`;
}

export class Transcript {
    /** actions: {edit(id), regenerate(id)}. */
    constructor(log, actions) {
        this.log = log;
        this.actions = actions;
        this.views = new Map();
    }

    clear() {
        this.views.clear();
        this.log.replaceChildren();
    }

    /** False when a text is behind, and this wants to be called again. */
    show(state) {
        const seen = new Set();
        let isDone = true;
        let at = null;
        let fades = false;
        for (const message of state.messages) {
            const view = this.#viewOf(message);
            seen.add(message.key);
            isDone = view.set(message, message.role === "assistant" ? doingOf(message, state) : "") && isDone;
            fades ||= state.status === "idle" && message.id !== null && message.id === state.input.replaceFrom;
            view.element.classList.toggle("fades", fades);
            const place = at === null ? this.log.firstChild : at.nextSibling;
            if (place !== view.element) this.log.insertBefore(view.element, place);
            at = view.element;
        }
        for (const [key, view] of this.views) {
            if (seen.has(key)) continue;
            view.element.remove();
            this.views.delete(key);
        }
        return isDone;
    }

    #viewOf(message) {
        let view = this.views.get(message.key);
        if (view === undefined) {
            view = message.role === "assistant" ? new Reply(message, this.actions) : new Said(message, this.actions);
            this.views.set(message.key, view);
        }
        return view;
    }
}
