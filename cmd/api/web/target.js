// Who answers: the models and graphs that there are, and which of them the next message names.
//
// A chat goes on with what answered its last turn, and a graph's question is answered by a message that names nothing: so a turn names
// something only where the user chose it since.

import { $, el } from "./dom.js";

const KEPT = "sluice.target"; // what a new chat begins with

export class Target {
    constructor(client) {
        this.client = client;
        this.models = [];
        this.graphs = [];
        this.choice = null; // "model:x" or "graph:x"
        this.select = $("target");
        this.select.addEventListener("change", () => this.#choose(this.select.value));
    }

    async load() {
        const [models, graphs] = await Promise.all(
            ["/v1/models", "/v1/graphs"].map((path) =>
                this.client.request("GET", path).then(
                    (answer) => answer.data,
                    () => [],
                ),
            ),
        );
        this.models = models;
        this.graphs = graphs;
        const group = (label, kind, rows) =>
            rows.length === 0
                ? []
                : [el("optgroup", { label }, ...rows.map((row) => el("option", { value: `${kind}:${row.id}` }, row.id)))];
        this.select.replaceChildren(...group("Models", "model", models), ...group("Graphs", "graph", graphs));
        $("target-box").hidden = models.length + graphs.length === 0;
    }

    #choose(value) {
        this.choice = value;
        try {
            localStorage.setItem(KEPT, value);
        } catch {
            // not kept then
        }
    }

    #has(value) {
        return [...this.select.options].some((option) => option.value === value);
    }

    /** Another chat, or a turn of this one is over: nothing is chosen. */
    reset(state) {
        const kept = state.messages.length === 0 ? localStorage.getItem(KEPT) : null;
        this.choice = kept !== null && this.#has(kept) ? kept : null;
        this.show(state);
    }

    /** Shows what will answer. */
    show(state) {
        const last = state.messages.findLast((message) => message.role === "assistant" && message.state === "committed");
        const model = last?.model ?? this.models.find((row) => row.default)?.id;
        const graph = last?.graph;
        const value = this.choice ?? (graph ? `graph:${graph}` : `model:${model}`);
        if (this.#has(value) && this.select.value !== value) this.select.value = value;
    }

    /** The part of a request that names it. */
    get turn() {
        if (this.choice === null) return {};
        const at = this.choice.indexOf(":");
        return { [this.choice.slice(0, at)]: this.choice.slice(at + 1) };
    }

    /** Of a graph it is not known: its nodes say, when they are asked. */
    get takesImages() {
        const [kind, name] = this.select.value.split(/:(.*)/s);
        return kind !== "model" || (this.models.find((row) => row.id === name)?.supports ?? []).includes("image");
    }
}
