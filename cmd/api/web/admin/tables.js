// Tables whose rows stay the same elements from look to look, so that nothing under the pointer or the keyboard is exchanged.

import { el } from "../dom.js";

/** Sets text only where it changes: a selection stays. */
export function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
}

/** The body of a table. columns: [{label, className?, make?(cell, key), set(cell, row)}]; keyOf(row) names a row. */
export class Rows {
    #rows = new Map(); // by key
    #empty;

    constructor(table, { columns, keyOf, empty }) {
        Object.assign(this, { table, columns, keyOf });
        this.body = table.tBodies[0];
        this.#empty = el("p", { class: "none" }, empty);
        table.after(this.#empty);
        this.set([]);
    }

    set(rows) {
        const old = this.#rows;
        this.#rows = new Map(rows.map((row) => [this.keyOf(row), old.get(this.keyOf(row)) ?? this.#make()]));
        for (const [key, element] of old) if (!this.#rows.has(key)) element.remove();
        let place = this.body.firstElementChild;
        for (const row of rows) {
            const element = this.#rows.get(this.keyOf(row));
            if (element === place) place = place.nextElementSibling;
            else this.body.insertBefore(element, place);
            element.row = row;
            this.columns.forEach((column, i) => column.set(element.cells[i], row));
        }
        this.table.hidden = rows.length === 0;
        this.#empty.hidden = rows.length > 0;
    }

    #make() {
        const element = el("tr");
        for (const { label, className = null, make } of this.columns) {
            const cell = el("td", { class: className, "data-label": label });
            make?.(cell, () => element.row);
            element.append(cell);
        }
        return element;
    }
}

/** A cell of one text. */
export const text = (label, of, className) => ({ label, className, set: (cell, row) => setText(cell, of(row)) });

/** A cell of two texts, one below the other. */
export const two = (label, of, className) => ({
    label,
    className,
    make: (cell) => cell.append(el("span", { class: "first" }), el("span", { class: "second" })),
    set(cell, row) {
        of(row).forEach((words, i) => {
            setText(cell.children[i], words ?? "");
            cell.children[i].title = words ?? "";
        });
    },
});

/** A cell with a button: of(row) is {words, label}, act(row) what it does. */
export const action = (label, of, act) => ({
    label,
    className: "act",
    make: (cell, row) =>
        cell.append(el("button", { class: "plain", type: "button", onclick: (event) => act(row(), event.currentTarget) })),
    set(cell, row) {
        const { words, label: name } = of(row);
        setText(cell.firstChild, words);
        cell.firstChild.setAttribute("aria-label", name);
    },
});
