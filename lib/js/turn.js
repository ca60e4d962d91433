// A turn under way, or one that ended with an error and waits for what the user makes of it.
import { emptyReply } from "./reply.js";

/** Whether its end is known. */
export const isOver = ({ reply }) => reply.state === "failed" || reply.state === "interrupted";

export const makeTurn = (generationId, chatId, fields) => ({
    generationId,
    chatId,
    message: "",
    attachments: [],
    metadata: null,
    cursor: 0,
    replaceFrom: null,
    options: {},
    isOwn: true, // sent from here
    goesBack: true, // its message goes into the input when it is stopped
    continues: null, // the interrupted generation whose answer it goes on with
    createdAt: Date.now(),
    ...fields,
    request: null, // once it was sent: the same again is the same generation
    stream: null,
    reply: emptyReply(generationId, chatId),
    isRunning: true,
});

/** The same message as another generation. */
export function turnAgain(turn, generationId, continues = null) {
    const { message, attachments, metadata, cursor, replaceFrom, goesBack, options } = turn;
    const fields = { message, attachments, metadata, cursor, replaceFrom, goesBack, options, continues };
    return makeTurn(generationId, turn.chatId, fields);
}

const requestOf = (turn) => ({
    ...turn.options,
    ...(turn.metadata && { metadata: turn.metadata }),
    chat_id: turn.chatId,
    generation_id: turn.generationId,
    message: turn.message,
    ...(turn.attachments.length > 0 && { attachments: turn.attachments }),
    ...(turn.replaceFrom && { replace_from: turn.replaceFrom }),
});

/** What answers it. Asked for again it is the same generation, whether or not it arrived before. */
export function streamOfTurn(client, turn, onWaiting) {
    const { generationId, chatId, continues, isOwn } = turn;
    if (!isOwn) return client.resume(generationId, { chatId, onWaiting });
    if (continues) return client.continueGeneration(continues, { newId: generationId, chatId, onWaiting });
    turn.request ??= requestOf(turn);
    return client.streamMessage(turn.request, { onWaiting });
}

/** One that was sent from elsewhere, of its generation's record. */
export function turnOfRecord(record, chatId) {
    const { message = "", attachments = [], metadata = null, replace_from: replaceFrom = null, ...options } = record.request;
    const fields = { message, attachments, metadata, replaceFrom, options, cursor: message.length };
    return makeTurn(record.generation_id, chatId, { ...fields, isOwn: false, createdAt: record.created_at });
}
