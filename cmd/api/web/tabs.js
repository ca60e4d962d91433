// Tabs of one browser tell each other what changed, so that each shows it; what it is they ask the server.

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("sluice") : null;

/** A chat has begun to answer, has ended, was renamed or deleted. */
export function tell(chatId) {
    channel?.postMessage({ chatId });
}

export function onTold(listener) {
    channel?.addEventListener("message", (event) => {
        if (typeof event.data?.chatId === "string") listener(event.data.chatId);
    });
}
