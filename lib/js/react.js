// The hook: a Chat as a component's state. react.d.ts is its manual.
import { useEffect, useRef, useState, useSyncExternalStore } from "react";

const hold = (client, chatId, turn) => ({ client, asked: chatId, chat: client.chat({ chatId, turn }) });

/** The chat of these options: the same one until they name another. A new chat that was saved may be named then. */
function useChat(client, chatId, turn) {
    const [held, setHeld] = useState(() => hold(client, chatId, turn));
    if (held.client === client && held.asked === chatId) return held;
    const isItself = held.client === client && held.chat.state.chatId === chatId;
    const next = isItself ? { ...held, asked: chatId } : hold(client, chatId, turn);
    setHeld(next);
    return next;
}

export function useStreamMessage({ client, chatId, turn, onSaved }) {
    const { chat } = useChat(client, chatId, turn);
    const state = useSyncExternalStore(chat.subscribe, () => chat.state, () => chat.state);
    const latest = useRef({});
    useEffect(() => {
        latest.current = { onSaved };
        chat.turn = turn ?? {};
    });
    // Reading ends with the component, not what runs: mounted again, as StrictMode does, it is taken up.
    useEffect(() => {
        void chat.open();
        return chat.close;
    }, [chat]);
    // Told once, and only of a chat that was new here.
    const isNew = useRef(null);
    useEffect(() => {
        if (isNew.current?.chat !== chat) isNew.current = { chat, is: chatId === undefined };
        if (!state.isSaved || !isNew.current.is) return;
        isNew.current.is = false;
        latest.current.onSaved?.(state.chatId);
    });
    const { input, messages, status, error, canRetry, position, steps, waiting, isSaved } = state;
    return {
        chatId: state.chatId,
        isSaved,
        input: input.text,
        setInput: chat.setInput,
        attachments: input.attachments,
        setAttachments: chat.setAttachments,
        messages,
        status,
        error,
        canRetry,
        position,
        steps,
        waiting,
        send: chat.send,
        stop: chat.stop,
        retry: chat.retry,
        chat,
        state,
    };
}
