// Questions to the user.

import { $ } from "./dom.js";

/** Resolves with the text of the field (true without one), or null when the user leaves it. */
export function ask({ title, text = "", yes, field = null, isDanger = false }) {
    const dialog = $("ask");
    const box = $("ask-field");
    $("ask-title").textContent = title;
    $("ask-text").textContent = text;
    $("ask-text").hidden = text === "";
    $("ask-yes").textContent = yes;
    $("ask-yes").classList.toggle("danger", isDanger);
    box.hidden = $("ask-label").hidden = field === null;
    box.required = field !== null;
    box.value = field ?? "";
    dialog.returnValue = "";
    $("ask-no").onclick = () => dialog.close();
    dialog.showModal();
    if (field !== null) box.select();
    return new Promise((resolve) => {
        dialog.onclose = () => resolve(dialog.returnValue !== "yes" ? null : field === null ? true : box.value.trim() || null);
    });
}
