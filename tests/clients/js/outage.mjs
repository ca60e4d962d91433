// A chat whose API process goes away in mid-stream and comes back: told line by line to the test that does it.
import { createClient } from "sluice-client";
import { API, askedFor, historyOf, shown, until } from "./support.mjs";

const chat = createClient({ baseUrl: API }).chat();
const texts = [];
let told = "";

chat.setInput("!sim tokens=2 delay_ms=1");
await chat.send();
chat.subscribe(() => {
    const { status, waiting, messages } = chat.state;
    const line = waiting ? `waiting ${waiting.attempt}` : status === "streaming" ? "streaming" : "";
    if (line !== told && line !== "") console.log((told = line));
    texts.push(messages[3]?.text ?? "");
});
chat.setInput("!sim tokens=300 delay_ms=10 text=self");
const reply = await chat.send();
await until(() => chat.state.status === "idle", "the end");

const isGrowing = texts.every((text, i) => i === 0 || text.startsWith(texts[i - 1]));
const isRight = JSON.stringify(shown(chat)) === JSON.stringify(await historyOf(chat.state.chatId));
const asked = (await askedFor(reply.generationId)).length;
console.log(reply.state === "done" && isGrowing && isRight && asked === 1 ? "done" : `broken ${reply.state} ${isGrowing} ${isRight} ${asked}`);
