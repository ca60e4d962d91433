// The page: which chat is on view, and how it, the address and the list go together.

import { createClient } from "/web/client/sluice.js";
import { forget, token } from "./access.js";
import { ChatList } from "./chatlist.js";
import { Composer } from "./composer.js";
import { ask } from "./dialogs.js";
import { $, announce } from "./dom.js";
import { Follow } from "./follow.js";
import { draftOf, firstTurns, keepDraft, keepFirst, keepSent, sentOf } from "./kept.js";
import { onTold, tell } from "./tabs.js";
import { Target } from "./target.js";
import { Transcript } from "./transcript.js";
import { notice, reasonText, Trouble } from "./trouble.js";

const NEW = "New chat";
const TITLE_MAX = 80; // as the server makes titles
const SPOKEN_MAX = 4000; // of an answer, to a screen reader

const client = createClient({ token });
const list = new ChatList(client);
const target = new Target(client);
const follow = new Follow();
const transcript = new Transcript($("log"), { edit: (id) => chat.edit(id), regenerate });
const trouble = new Trouble($("log"), { retry: () => (follow.toEnd(), void chat.retry()), takeBack: () => chat.takeBack() });
const composer = new Composer({ send, stop, takesImages: () => target.takesImages, notice });

let chat = null; // the one on view
let before = null; // its state as it was painted last
let opening = null; // the one on view, while what is in it is read: it is not empty
const open = new Set(); // all that are being read
const repeated = new Set(); // generations whose message is in the record already
let frame = 0;

const isRunning = (state) => state.status === "sending" || state.status === "streaming";
const titleOf = (state) =>
    list.find(state.chatId)?.title || state.title || (state.messages[0]?.text ?? "").slice(0, TITLE_MAX) || NEW;

// -- chats -------------------------------------------------------------------------------------------------------------------

function begin(chatId, draft = "") {
    const made = client.chat({ chatId, onEvent: (event) => onEvent(made, event) });
    made.setInput(draft);
    made.subscribe(() => onChange(made));
    open.add(made);
    return made;
}

/** What is not on view any more is read to its end, and kept while it waits for a retry: nothing of it must be lost. */
function leave(made) {
    const { state } = made;
    if (state.status !== "idle" || state.canRetry) return;
    if (state.isSaved && state.input.text !== "") keepDraft(state.chatId, state.input.text);
    made.close();
    open.delete(made);
}

function view(made, isOpening = false) {
    const old = chat;
    chat = made;
    opening = isOpening ? made : null;
    before = null;
    if (old !== null && old !== made) leave(old);
    transcript.clear();
    notice("");
    target.reset(made.state);
    composer.use(made);
    paint();
    follow.toEnd();
}

function opened(made) {
    if (opening !== made) return;
    opening = null;
    paint();
}

function onChange(made) {
    if (chat === null) return;
    if (made !== chat) {
        leave(made);
        showList();
        return;
    }
    const { state } = made;
    const isUrgent =
        before === null ||
        state.status !== before.status ||
        state.input.revision !== before.input.revision ||
        state.error !== before.error;
    if (isUrgent) paint();
    else frame ||= requestAnimationFrame(paint);
}

function onEvent(made, event) {
    if (
        event.type === "queued" ||
        event.type === "done" ||
        event.type === "stopped" ||
        event.type === "failed" ||
        event.type === "interrupted"
    ) {
        if (event.type !== "queued" || made.state.isSaved) changed(made.state.chatId);
    }
    if (event.type === "stopped" && made === chat) notice(reasonText(event.reason) ?? "");
}

function changed(chatId) {
    tell(chatId);
    void list.refresh();
}

// -- painting ----------------------------------------------------------------------------------------------------------------

function paint() {
    cancelAnimationFrame(frame);
    frame = 0;
    const { state } = chat;
    const was = before;
    before = state;
    const main = $("main");
    const isEmpty = state.messages.length === 0 && opening === null;
    const turn = () => main.classList.toggle("empty", isEmpty);
    main.dataset.status = state.status;
    main.classList.toggle("answering", isRunning(state));
    if (was === null) turn();
    else if (main.classList.contains("empty") !== isEmpty) composer.glide(turn);
    main.classList.remove("unread");
    const isDone = transcript.show(state);
    trouble.show(state);
    composer.show(state);
    $("older").hidden = !state.hasOlder;
    paintFrame(state, was);
    follow.keep();
    if (!isDone) frame ||= requestAnimationFrame(paint);
}

function unsettledOf({ messages }) {
    const asked = messages.findLast((message) => message.role === "user");
    if (asked === undefined || asked.state === "committed" || repeated.has(asked.generationId)) return null;
    return { generationId: asked.generationId, text: asked.text };
}

/** What is around the conversation, and what is kept of it. */
function paintFrame(state, was) {
    const isChanged =
        was === null ||
        state.status !== was.status ||
        state.isSaved !== was.isSaved ||
        state.title !== was.title ||
        state.messages !== was.messages;
    keepDraft(chatOf(location.pathname), state.input.text);
    if (!isChanged) return;
    if (state.isSaved) keepSent(state.chatId, unsettledOf(state));
    if (state.isSaved && location.pathname === "/") {
        keepDraft(null, "");
        history.replaceState(null, "", `/c/${state.chatId}`);
    }
    if (was?.status !== state.status)
        for (const button of $("log").querySelectorAll(".when-idle")) button.disabled = isRunning(state);
    if (was !== null && was.isSaved !== state.isSaved) target.reset(state);
    else target.show(state);
    if (was?.status === "stopping" && state.isSaved) changed(state.chatId);
    showTitle(state);
    showList();
    speak(state, was);
}

function showTitle(state) {
    const title = titleOf(state);
    if (opening !== null && title === NEW) return; // not known yet
    $("title").textContent = title;
    $("rename").hidden = $("delete").hidden = !state.isSaved;
    document.title = title === NEW ? "Sluice" : `${title} · Sluice`;
}

function showList() {
    const states = [...open].map((made) => made.state);
    const running = new Set(states.filter(isRunning).map((state) => state.chatId));
    const first = states.filter((state) => !state.isSaved && state.messages.length > 0);
    keepFirst(
        first
            .filter((state) => isRunning(state) || (state.canRetry && state === chat.state))
            .map((state) => ({ chatId: state.chatId, text: state.messages[0].text, isOnView: state === chat.state })),
    );
    list.show(
        chat.state.chatId,
        first.map((state) => ({ chatId: state.chatId, title: titleOf(state) })),
        running,
    );
}

function speak(state, was) {
    if (was === null || was.status === state.status) return;
    if (state.status === "sending") announce("Sent");
    else if (state.status === "streaming") announce("The answer begins");
    else if (state.status === "stopping") announce("Stopped. Your message is back in the box");
    else if (isRunning(was) && state.messages.at(-1)?.state === "committed")
        announce(`The answer: ${(state.messages.at(-1)?.text ?? "").slice(0, SPOKEN_MAX)}`);
}

list.onchange = () => {
    showTitle(chat.state);
    showList();
};

// -- what the user does ------------------------------------------------------------------------------------------------------

function send() {
    notice("");
    chat.turn = target.turn;
    follow.toEnd();
    void chat.send().then((reply) => reply?.isCommitted && chat.state.chatId === reply.chatId && target.reset(chat.state));
}

function regenerate(id) {
    chat.turn = target.turn;
    follow.toEnd();
    void chat.regenerate(id);
    const last = chat.state.messages.at(-1);
    if (last?.state === "pending") repeated.add(last.generationId);
    composer.focus();
}

function stop() {
    chat.stop();
}

async function rename() {
    const { chatId } = chat.state;
    const title = await ask({ title: "Rename this chat", yes: "Rename", field: titleOf(chat.state) });
    if (title === null) return;
    await change(client.request("PATCH", `/v1/chats/${chatId}`, { title }), () => list.rename(chatId, title), chatId);
}

async function remove() {
    const { chatId } = chat.state;
    const isSure = await ask({
        title: "Delete this chat?",
        text: `“${titleOf(chat.state)}” and its messages will be gone for good.`,
        yes: "Delete",
        isDanger: true,
    });
    if (isSure === null) return;
    await change(client.request("DELETE", `/v1/chats/${chatId}`), () => (list.forget(chatId), chat.state.chatId === chatId && go("/")), chatId);
}

async function change(request, then, chatId) {
    try {
        await request;
        then();
        tell(chatId);
    } catch (error) {
        notice(error.message, true);
    }
}

function key(event) {
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    if (isRunning(chat.state)) stop();
    else if (document.body.classList.contains("side-open")) openSide(false);
    else if (chat.state.input.replaceFrom !== null) chat.cancelEdit();
    else return;
    event.preventDefault();
}

function openSide(isOpen) {
    document.body.classList.toggle("side-open", isOpen);
    $("side-open").setAttribute("aria-expanded", String(isOpen));
    $("main").inert = isOpen;
    if (isOpen) $("side-close").focus();
    else if ($("side").contains(document.activeElement)) $("side-open").focus();
}

// -- addresses ---------------------------------------------------------------------------------------------------------------

const chatOf = (path) => /^\/c\/([A-Za-z0-9_.:-]{1,128})$/.exec(path)?.[1] ?? null;

async function show(chatId) {
    openSide(false);
    const running = [...open].find((made) => made.state.chatId === chatId);
    const made = running ?? begin(chatId ?? undefined, draftOf(chatId));
    const sent = running === undefined ? sentOf(chatId) : null;
    const isRead = running !== undefined || chatId === null;
    view(made, !isRead);
    if (isRead) return;
    const isLoaded = await made.load();
    opened(made);
    if (made !== chat) return;
    if (isLoaded && isGone(made)) {
        await leaveGone(made);
        return;
    }
    if (isLoaded && sent !== null && !made.state.messages.some((message) => message.generationId === sent.generationId))
        putBack(made, sent.text);
    target.reset(made.state);
    follow.toEnd();
}

/** It never was answered, or no longer is. */
function putBack(made, text) {
    const { text: draft } = made.state.input;
    made.setInput(draft === "" ? text : `${text}\n${draft}`);
    composer.use(made);
}

const isGone = ({ state }) => !state.isSaved && state.status === "idle" && !state.canRetry;

/** What was typed for it goes along. */
async function leaveGone({ state }) {
    const { text } = state.input;
    keepDraft(state.chatId, "");
    keepSent(state.chatId, null);
    history.replaceState(null, "", "/");
    await show(null);
    if (text !== "" && chat.state.input.text === "") putBack(chat, text);
    notice("That chat does not exist, or no longer.", true);
}

function go(path) {
    history.pushState(null, "", path);
    void show(chatOf(path));
}

/** A chat that is being answered for the first time has no address yet. */
function follows(event) {
    const link = event.target.closest("a[data-chat], .to-new");
    if (link === null || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const chatId = link.dataset.chat ?? null;
    const isSaved = chatId === null || list.find(chatId) !== null;
    if (!isSaved) history.pushState(null, "", "/");
    if (isSaved) go(chatId === null ? "/" : `/c/${chatId}`);
    else void show(chatId);
    if (chatId === null) $("input").focus();
}

/** After a reload in a new chat's first turn: it goes on, or its message is back. */
async function takeUpFirst({ chatId, text, isOnView }) {
    const made = begin(chatId);
    if (isOnView) view(made, true);
    const isFound = await made.attach();
    opened(made);
    if (isFound) return;
    await list.refresh();
    if (made !== chat) return;
    if (list.find(chatId) !== null) {
        history.replaceState(null, "", `/c/${chatId}`);
        await made.load();
    } else if (made.state.input.text === "") {
        made.setInput(text);
        composer.use(made);
    }
}

/** Another tab, or this one after a while: what happened meanwhile? */
async function lookAgain(chatId) {
    void list.refresh();
    const looked = chat;
    if (
        (chatId === undefined || chatId === chat.state.chatId) &&
        chat.state.isSaved &&
        chat.state.status === "idle" &&
        !chat.state.canRetry &&
        (await looked.load()) &&
        looked === chat &&
        isGone(looked)
    )
        await leaveGone(looked);
}

async function start() {
    document.addEventListener("keydown", key);
    document.addEventListener("visibilitychange", () => document.hidden || void lookAgain());
    document.addEventListener("click", follows);
    $("side-open").addEventListener("click", () => openSide(true));
    $("side-close").addEventListener("click", () => openSide(false));
    $("shade").addEventListener("click", () => openSide(false));
    $("rename").addEventListener("click", () => void rename());
    $("delete").addEventListener("click", () => void remove());
    $("forget").addEventListener("click", forget);
    $("older").addEventListener("click", () => void follow.holding(() => chat.loadOlder().then(paint)));
    addEventListener("popstate", () => void show(chatOf(location.pathname)));
    onTold((chatId) => void lookAgain(chatId));
    const path = chatOf(location.pathname);
    const first = firstTurns().map((turn) => ({ ...turn, isOnView: turn.isOnView && path === null }));
    const shown = [
        ...(first.some((turn) => turn.isOnView) ? [] : [show(path)]),
        ...first.sort((a, b) => b.isOnView - a.isOnView).map(takeUpFirst),
    ];
    await target.load();
    target.reset(chat.state);
    await Promise.all([...shown, list.refresh()]);
    composer.focus();
}

await start();
