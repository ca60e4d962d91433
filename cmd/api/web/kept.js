// What a reload must not lose: drafts, and first turns of chats that have no record yet. Of this tab only.

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

/** [{chatId, text, isOnView}] of new chats that are being answered. */
export const keepFirst = (turns) => put(FIRST, turns.length === 0 ? null : JSON.stringify(turns));

export function firstTurns() {
    try {
        return JSON.parse(sessionStorage.getItem(FIRST)).filter(
            (turn) => typeof turn.chatId === "string" && typeof turn.text === "string",
        );
    } catch {
        return [];
    }
}
