// The operator's page: one stream of looks at everything, and what the operator does about it.

import { forget, token } from "../access.js";
import { EventParser } from "../client/sse.js";
import { pauseAfter, sleep, Transport } from "../client/http.js";
import { ask } from "../dialogs.js";
import { $ } from "../dom.js";
import { notice } from "../trouble.js";
import { Board } from "./board.js";
import { setText } from "./tables.js";
import { time } from "./words.js";

const SILENCE_MS = 10_000; // the stream says something every second
const STALE_MS = 3_000;
const DEAD_ROWS = 200;

const transport = new Transport({ token, silenceMs: SILENCE_MS });
const board = new Board({ pause, stop, requeue });
let isOpen = false;
let look = null;
let heardMs = 0;
let deadShown = null; // how many there were when the list was read

// -- the stream --------------------------------------------------------------------------------------------------------------

function state(is, words) {
    $("state").dataset.is = is;
    setText($("state"), words);
}

function showState() {
    const isFresh = Date.now() - heardMs < STALE_MS;
    if (isOpen && isFresh) state("live", "Live");
    else if (look !== null) state("stale", `${isOpen ? "Redis does not answer" : "Connecting again"}; as of ${time(look.at)}`);
    else state("waiting", isOpen ? "Waiting for the first look" : "Connecting");
}

function take(event) {
    if (event.event !== "overview") return;
    look = JSON.parse(event.data);
    heardMs = Date.now();
    board.show(look);
    showState();
    if (look.dead !== deadShown) void readDead();
}

async function readStream() {
    const connection = await transport.openStream("GET", "/v1/admin/stream");
    const parser = new EventParser();
    isOpen = true;
    for await (const bytes of connection.chunks()) parser.push(bytes).forEach(take);
}

async function watch() {
    for (let attempt = 1; ; attempt++) {
        const before = heardMs;
        let words = "";
        try {
            await readStream();
        } catch (error) {
            words = error.status > 0 ? error.message : "";
        }
        isOpen = false;
        if (heardMs !== before) attempt = 1;
        showState();
        if (words !== "" && look === null) state("stale", words);
        await sleep(pauseAfter(attempt, 1000));
    }
}

async function readDead() {
    deadShown = look.dead;
    try {
        board.showDead(await transport.request("GET", `/v1/admin/dead?limit=${DEAD_ROWS}`));
    } catch {
        deadShown = null; // the next look asks again
    }
}

// -- what the operator does --------------------------------------------------------------------------------------------------

/** The button rests until it is answered. All of these are the same when asked twice. */
async function act(button, path, then) {
    button.disabled = true;
    try {
        notice(then(await transport.request("POST", path, {}, { isSafe: true })));
    } catch (error) {
        notice(error.message, true);
    }
    button.disabled = false;
}

async function pause({ lane, paused }, button) {
    const isSure =
        paused ||
        (await ask({
            title: `Pause ${lane}?`,
            text: "Workers claim nothing from it until it is resumed. What runs goes on, and new messages wait.",
            yes: "Pause",
        }));
    if (isSure)
        await act(
            button,
            `/v1/admin/lanes/${lane}/${paused ? "resume" : "pause"}`,
            () => `${lane} is ${paused ? "open again" : "paused"}.`,
        );
}

const pathOf = ({ tenant, generation_id: id }, verb) =>
    `/v1/admin/tenants/${encodeURIComponent(tenant)}/generations/${encodeURIComponent(id)}/${verb}`;

async function stop(row, button) {
    const isSure = await ask({
        title: "Stop this generation?",
        text: `${row.generation_id} of ${row.tenant}. Its user gets the message back; the model’s connection is closed.`,
        yes: "Stop it",
        isDanger: true,
    });
    if (isSure)
        await act(button, pathOf(row, "stop"), ({ outcome }) =>
            outcome === "stopped"
                ? `${row.generation_id} is stopped.`
                : `${row.generation_id} was over before (${outcome.replace("_", " ")}).`,
        );
}

async function requeue(row, button) {
    await act(button, pathOf(row, "requeue"), ({ generation_id: id }) => `Asked once more, as ${id}.`);
    await readDead();
}

$("forget").addEventListener("click", forget);
setInterval(showState, 1000);
await watch();
