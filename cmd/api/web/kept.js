// What a reload must not lose: drafts, messages that are in no record yet, and first turns of chats that have none. Of this tab only.

const FIRST = "sluice.first";
const draftName = (chatId) => `sluice.draft/${chatId ?? ""}`;
const sentName = (chatId) => `sluice.sent/${chatId ?? ""}`;

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

/** The message of a turn that is not committed: {generationId, text}, or null. */
export const keepSent = (chatId, sent) => put(sentName(chatId), sent === null ? null : JSON.stringify(sent));
export const sentOf = (chatId) => JSON.parse(sessionStorage.getItem(sentName(chatId)));

/** [{chatId, text, isOnView}] of new chats that are being answered, or ended with an error. */
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
