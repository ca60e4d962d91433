// What a reload must not lose: drafts, and the first turn of a chat that has no record yet. Of this tab only.

const FIRST = "sluice.first";
const draftName = (chatId) => `sluice.draft/${chatId ?? ""}`;

function put(name, value) {
    try {
        if (value === null) sessionStorage.removeItem(name);
        else sessionStorage.setItem(name, value);
    } catch {
        // full: not kept then
    }
}

/** What is in the box of a chat; null is the new chat's. */
export const keepDraft = (chatId, text) => put(draftName(chatId), text === "" ? null : text);
export const draftOf = (chatId) => sessionStorage.getItem(draftName(chatId)) ?? "";

/** {chatId, text} while a new chat is being answered, else null. */
export const keepFirst = (first) => put(FIRST, first === null ? null : JSON.stringify(first));

export function firstTurn() {
    try {
        const first = JSON.parse(sessionStorage.getItem(FIRST));
        return typeof first?.chatId === "string" && typeof first.text === "string" ? first : null;
    } catch {
        return null;
    }
}
