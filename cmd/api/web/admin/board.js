// What is on view, from a look of the stream. What the operator does is handed in.

import { $, el } from "../dom.js";
import { BarChart, LineChart } from "./charts.js";
import { Past } from "./past.js";
import { action, Rows, setText, text, two } from "./tables.js";
import { about, count, duration, micros, NONE, rate, time } from "./words.js";

const ENDED_TOGETHER = 3; // slots in a bar
const FAILURES_SHOWN = 8; // unless all are asked for
const idOf = ({ tenant, generation_id: id }) => `${tenant}:${id}`;
const sum = (rows, of) => rows.reduce((all, row) => all + of(row), 0);
const spreadOf = (name) => [
    { name: "median", className: "one", of: (row) => (row[name].count > 0 ? row[name].p50_us : null) },
    { name: "p95", className: "other", of: (row) => (row[name].count > 0 ? row[name].p95_us : null) },
];

function charts() {
    return {
        tokens: new LineChart($("chart-tokens"), {
            title: "Tokens per second",
            text: rate,
            series: [{ name: "output", className: "one", isFilled: true, of: ({ tokens, ms }) => (tokens * 1000) / ms }],
        }),
        first: new LineChart($("chart-first"), { title: "Time to first token", text: micros, series: spreadOf("first_token") }),
        stop: new LineChart($("chart-stop"), { title: "Time to stop", text: micros, series: spreadOf("stop") }),
        ended: new BarChart($("chart-ended"), {
            title: "Ended",
            text: count,
            series: [
                { name: "done", className: "one", of: ({ ended }) => ended.done ?? 0 },
                { name: "stopped", className: "calm", of: ({ ended }) => ended.stopped ?? 0 },
                { name: "failed", className: "bad", of: ({ ended }) => (ended.failed ?? 0) + (ended.interrupted ?? 0) },
            ],
        }),
    };
}

/** A bar of how much of something is in use. */
const meter = (label, of) => ({
    label,
    className: "wide-cell",
    make: (cell) =>
        cell.append(el("span", { class: "meter", "aria-hidden": "true" }, el("span")), el("span", { class: "meter-text" })),
    set(cell, row) {
        const [used, all] = of(row);
        const part = all > 0 ? Math.min(1, used / all) : 0;
        cell.firstChild.firstChild.style.width = `${part * 100}%`;
        cell.firstChild.classList.toggle("full", part >= 0.9);
        setText(cell.lastChild, `${count(used)} of ${count(all)}`);
    },
});

const lanes = (does) => ({
    empty: "No lanes.",
    keyOf: (row) => row.lane,
    columns: [
        {
            label: "Lane",
            make: (cell) => cell.append(el("span", { class: "name" }), el("span", { class: "badge", hidden: true }, "paused")),
            set(cell, row) {
                setText(cell.firstChild, row.lane);
                cell.lastChild.hidden = !row.paused;
            },
        },
        text("Waiting", (row) => count(row.waiting), "number"),
        text("Longest wait", (row) => duration(row.oldest_wait_ms), "number"),
        action(
            "",
            (row) =>
                row.paused ? { words: "Resume", label: `Resume ${row.lane}` } : { words: "Pause", label: `Pause ${row.lane}` },
            does.pause,
        ),
    ],
});

const WORKERS = {
    empty: "No worker is there: nothing is claimed.",
    keyOf: (row) => row.worker,
    columns: [
        text("Worker", (row) => row.worker, "id"),
        text("Kind", (row) => row.kind),
        meter("Slots in use", (row) => [row.running, row.slots]),
    ],
};

const running = (does) => ({
    empty: "Nothing runs.",
    keyOf: idOf,
    columns: [
        two("Generation", (row) => [row.generation_id, row.chat_id], "id"),
        two("Tenant and user", (row) => [row.tenant, row.user]),
        two("Lane", (row) => [row.lane, row.model]),
        text("Worker", (row) => row.worker ?? NONE, "id narrow"),
        text("For", (row) => duration(row.started_at === null ? null : Math.max(0, row.now - row.started_at)), "number"),
        text(
            "First token",
            (row) => (row.first_token_at === null ? "not yet" : `after ${duration(row.first_token_at - row.started_at)}`),
            "number",
        ),
        action("", (row) => ({ words: "Stop", label: `Stop ${row.generation_id}` }), does.stop),
    ],
});

const TENANTS = {
    empty: "No tenant has anything here.",
    keyOf: (row) => row.tenant,
    columns: [
        text("Tenant", (row) => row.tenant, "name"),
        text("Running", (row) => count(row.running), "number"),
        text("Queued", (row) => count(row.queued), "number"),
        {
            label: "Waiting by lane",
            className: "wide-cell",
            set(cell, { queues }) {
                const words = queues.map((queue) => `${queue.lane} ${count(queue.waiting)}`);
                if (cell.dataset.is === words.join()) return;
                cell.dataset.is = words.join();
                cell.replaceChildren(...(words.length > 0 ? words.map((one) => el("span", { class: "chip" }, one)) : [NONE]));
            },
        },
        text(
            "Longest wait",
            ({ queues }) => duration(queues.length > 0 ? Math.max(...queues.map((queue) => queue.oldest_wait_ms ?? 0)) : null),
            "number",
        ),
        text("Tokens in", (row) => about(row.input_tokens), "number"),
        text("Tokens out", (row) => about(row.output_tokens), "number"),
    ],
};

const FAILURES = {
    empty: "Nothing failed.",
    keyOf: idOf,
    columns: [
        text("When", (row) => time(row.ended_at), "time"),
        two("What", (row) => [row.error?.code ?? row.state, row.error?.message], "wide-cell what"),
        two("Generation", (row) => [row.generation_id, [row.tenant, row.lane, row.model].filter(Boolean).join(" · ")], "id"),
    ],
};

const dead = (does) => ({
    empty: "Nothing was given up.",
    keyOf: idOf,
    columns: [
        text("When", (row) => time(row.died_at), "time"),
        two("Generation", (row) => [row.generation_id, [row.tenant, row.lane].filter(Boolean).join(" · ")], "wide-cell id"),
        text("Crashes", (row) => count(row.crashes), "number"),
        action("", (row) => ({ words: "Requeue", label: `Requeue ${row.generation_id}` }), does.requeue),
    ],
});

export class Board {
    #past = new Past();
    #charts = charts();
    #look = null;
    #hasAllFailures = false;

    /** does: {pause(lane row), stop(running row), requeue(dead row)}. */
    constructor(does) {
        this.lanes = new Rows($("lanes"), lanes(does));
        this.workers = new Rows($("workers"), WORKERS);
        this.running = new Rows($("running"), running(does));
        this.tenants = new Rows($("tenants"), TENANTS);
        this.failures = new Rows($("failures"), FAILURES);
        this.dead = new Rows($("dead"), dead(does));
        $("failures-all").addEventListener("click", () => {
            this.#hasAllFailures = !this.#hasAllFailures;
            this.#showFailures();
        });
    }

    show(look) {
        this.#past.add(look);
        this.#showSums(look);
        this.#showCharts(look);
        this.lanes.set(look.lanes);
        this.workers.set(look.workers);
        this.running.set(look.running.map((row) => ({ ...row, now: look.at })));
        setText(
            $("running-count"),
            look.running_total > look.running.length
                ? `the ${count(look.running.length)} that run longest, of ${count(look.running_total)}`
                : "",
        );
        this.tenants.set(
            look.tenants.map((row) => ({ ...row, queues: look.queues.filter((queue) => queue.tenant === row.tenant) })),
        );
        document.body.classList.remove("waiting");
        this.#look = look;
        this.#showFailures();
        this.#showCodes();
    }

    showDead({ data, next }) {
        this.dead.set(data);
        setText($("dead-more"), next === null ? "" : `the newest ${count(data.length)}`);
    }

    #showFailures() {
        const { failures } = this.#look;
        this.failures.set(this.#hasAllFailures ? failures : failures.slice(0, FAILURES_SHOWN));
        $("failures-all").hidden = failures.length <= FAILURES_SHOWN;
        setText($("failures-all"), this.#hasAllFailures ? "Show the newest only" : `Show all ${count(failures.length)}`);
    }

    #showSums({ lanes: all, workers, running_total: runs, delayed, dead: given }) {
        const longest = Math.max(-1, ...all.map((lane) => lane.oldest_wait_ms ?? -1));
        const paused = all.filter((lane) => lane.paused).length;
        setText($("waiting"), count(sum(all, (lane) => lane.waiting)));
        setText(
            $("waiting-note"),
            paused > 0
                ? `${paused} of ${all.length} lanes paused`
                : longest < 0
                  ? "nobody waits"
                  : `the longest for ${duration(longest)}`,
        );
        $("waiting-note").classList.toggle("warn", paused > 0);
        setText($("runs"), count(runs));
        setText(
            $("runs-note"),
            workers.length === 0
                ? "no worker is there"
                : `${count(sum(workers, (one) => one.slots))} slots of ${count(workers.length)} ${workers.length === 1 ? "worker" : "workers"}`,
        );
        $("runs-note").classList.toggle("bad", workers.length === 0);
        setText($("delayed"), count(delayed));
        setText($("dead-count"), count(given));
    }

    #showCharts({ tokens_per_second: now, recent }) {
        const rows = this.#past.rows();
        const ended = this.#past.ended();
        const failed = ended.failed + ended.interrupted;
        const spread = ({ count: n, p50_us: half, p95_us: most }) =>
            n === 0 ? [NONE, "none in the last minute"] : [micros(half), `p95 ${micros(most)}`];
        this.#charts.tokens.set(rows, rate(now), `${about(recent.tokens)} in the last minute`);
        this.#charts.first.set(rows, ...spread(recent.first_token));
        this.#charts.stop.set(rows, ...spread(recent.stop));
        this.#charts.ended.set(
            this.#past.rows(ENDED_TOGETHER),
            about(ended.done + ended.stopped + failed),
            `${failed === 0 ? "none" : about(failed)} failed`,
        );
    }

    #showCodes() {
        const errors = this.#past.errors();
        const most = Math.max(1, ...errors.map(([, n]) => n));
        const words = errors.map(([code, n]) => `${code} ${n}`).join();
        if ($("codes").dataset.is === words) return;
        $("codes").dataset.is = words;
        $("codes").hidden = errors.length === 0;
        $("codes").replaceChildren(
            ...errors.map(([code, n]) => {
                const bar = el("span", { class: "bar-of", "aria-hidden": "true" });
                bar.style.width = `${(n / most) * 100}%`;
                return el("li", {}, bar, el("span", { class: "code" }, code), el("span", { class: "n" }, count(n)));
            }),
        );
    }
}
