// Charts of the last minutes: lines and stacked bars, as SVG without words; the words are the page's.

import { el } from "../dom.js";
import { KEPT_MS } from "./past.js";
import { NONE, time } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 900; // of the drawing, which is stretched
const HEIGHT = 100;

function shape(tag, attributes = {}) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
}

/** The next round number that is not below. */
export function niceMax(value) {
    if (!(value > 0)) return 1;
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((top) => top >= value * (1 - 1e-9));
}

/** A figure: title, the value of now, the drawing, what its colours mean. Under the pointer, the values of that moment. */
class Chart {
    /** series: [{name, of(row) -> number or null, className}]; text(value) for people. */
    constructor(figure, { title, series, text }) {
        Object.assign(this, { series, text, title, rows: [] });
        this.value = el("strong", {}, NONE);
        this.note = el("span", { class: "note" });
        this.top = el("span", { class: "top" });
        this.legend = series.map((one) => el("span", { class: "key " + one.className }, one.name));
        this.keys = el("div", { class: "keys" }, ...this.legend);
        this.when = el("span", { class: "when" });
        this.svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
        this.cursor = shape("path", { class: "cursor" });
        this.plot = el("div", { class: "plot" }, this.svg, this.top);
        figure.append(
            el("figcaption", {}, el("h2", {}, title), el("p", { class: "now" }, this.value, this.note)),
            this.plot,
            el("div", { class: "foot" }, this.keys, this.when),
        );
        this.plot.addEventListener("pointermove", (event) => this.#point(event.offsetX / this.plot.clientWidth));
        this.plot.addEventListener("pointerleave", () => this.#point(null));
        this.at = null;
        this.#point(null);
    }

    set(rows, value, note) {
        this.rows = rows;
        this.value.textContent = value;
        this.note.textContent = note;
        this.max = niceMax(this.height(rows));
        this.top.textContent = this.text(this.max);
        this.svg.setAttribute("aria-label", `${this.title}, the last 15 minutes. Now ${value} ${note}`);
        this.svg.replaceChildren(
            ...[0, 0.5].map((part) => shape("path", { class: "grid", d: `M0 ${part * HEIGHT}H${WIDTH}` })),
            shape("path", { class: "base", d: `M0 ${HEIGHT}H${WIDTH}` }),
            ...this.draw(rows),
            this.cursor,
        );
        this.#show();
    }

    x(row) {
        const end = this.rows.at(-1);
        return WIDTH * (1 - (end.at + end.ms - row.at) / KEPT_MS);
    }

    y(value) {
        return HEIGHT * (1 - value / this.max);
    }

    #point(part) {
        this.at = part;
        this.#show();
    }

    #show() {
        const row =
            this.at === null
                ? null
                : this.rows[Math.min(this.rows.length - 1, Math.max(0, Math.floor(this.at * this.rows.length)))];
        this.when.textContent = row ? time(row.at) : "last 15 min";
        this.cursor.setAttribute(
            "d",
            row ? `M${this.x(row) + this.x({ at: row.at + row.ms / 2 }) - this.x({ at: row.at })} 0V${HEIGHT}` : "",
        );
        this.series.forEach((one, i) => {
            const value = row ? one.of(row) : undefined;
            this.legend[i].textContent =
                value === undefined ? one.name : `${one.name} ${value === null ? NONE : this.text(value)}`;
        });
    }
}

export class LineChart extends Chart {
    height(rows) {
        return Math.max(0, ...this.series.flatMap((one) => rows.map((row) => one.of(row) ?? 0)));
    }

    draw(rows) {
        return this.series.flatMap((one) => {
            const runs = this.#runs(rows, one);
            const line = runs
                .map((run) => "M" + run.map((point) => point.join(" ")).join("L") + (run.length === 1 ? "h0" : ""))
                .join("");
            const area = runs
                .map(
                    (run) =>
                        `M${run[0][0]} ${HEIGHT}L${run.map((point) => point.join(" ")).join("L")}L${run.at(-1)[0]} ${HEIGHT}Z`,
                )
                .join("");
            return [
                ...(one.isFilled ? [shape("path", { class: "area " + one.className, d: area })] : []),
                shape("path", { class: "line " + one.className, d: line }),
            ];
        });
    }

    /** Points that follow each other: where nothing was measured there is no line. */
    #runs(rows, one) {
        const runs = [];
        let run = null;
        for (const row of rows) {
            const value = one.of(row);
            if (value === null) run = null;
            else {
                if (run === null) runs.push((run = []));
                run.push([(this.x(row) + (WIDTH * row.ms) / KEPT_MS / 2).toFixed(1), this.y(value).toFixed(1)]);
            }
        }
        return runs;
    }
}

export class BarChart extends Chart {
    height(rows) {
        return Math.max(0, ...rows.map((row) => this.series.reduce((sum, one) => sum + one.of(row), 0)));
    }

    draw(rows) {
        const width = (WIDTH * rows[0].ms) / KEPT_MS;
        const paths = this.series.map(() => "");
        for (const row of rows) {
            let below = 0;
            this.series.forEach((one, i) => {
                const value = one.of(row);
                if (value === 0) return;
                const [x, bottom, top] = [this.x(row) + width * 0.12, this.y(below), this.y(below + value)];
                paths[i] +=
                    `M${x.toFixed(1)} ${bottom.toFixed(1)}V${top.toFixed(1)}h${(width * 0.76).toFixed(1)}V${bottom.toFixed(1)}Z`;
                below += value;
            });
        }
        return this.series.map((one, i) => shape("path", { class: "bars " + one.className, d: paths[i] }));
    }
}
