// Drives the browser for the tests: one line of JSON in, one out. {on, call, args}: `on` names an object ("" is the browser), `call` a
// method of it, by dots where it is a member's ("keyboard.press"). Pages are watched: errors on the console, requests that failed or left the
// machine, and navigations are kept for the tests to ask for.
import readline from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(process.argv[2] + "/package.json");
const { chromium } = require("playwright-core");
const axe = require("axe-core");

const browser = await chromium.launch({ executablePath: process.argv[3], args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const objects = new Map();
let count = 0;

function watch(page) {
    const seen = { console: [], requests: [], failed: [], dialogs: 0 };
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && seen.console.push(`${message.type()}: ${message.text()} ${message.location().url}`));
    page.on("pageerror", (error) => seen.console.push(`exception: ${error.stack ?? error}`));
    page.on("request", (request) => seen.requests.push(`${request.method()} ${request.url()}`));
    page.on("response", (response) => response.status() >= 400 && seen.failed.push(`${response.status()} ${response.request().method()} ${response.url()}`));
    page.on("dialog", (dialog) => (seen.dialogs++, dialog.dismiss()));
    page.seen = seen;
}

const keep = (object) => (objects.set(String(++count), object), String(count));

const COMMANDS = {
    async context({ options }) {
        return keep(await browser.newContext(options));
    },
    async page({ context }) {
        const page = await objects.get(context).newPage();
        page.setDefaultTimeout(60_000);
        watch(page);
        return keep(page);
    },
    seen: ({ on }) => objects.get(on).seen,
    async evaluate({ on, script, argument }) {
        return objects.get(on).evaluate(`(${script})(${JSON.stringify(argument ?? null)})`);
    },
    /** Asked from outside: a page's Content-Security-Policy lets nothing inside ask by text. A navigation meanwhile is no failure. */
    async wait({ on, script, argument, timeout }) {
        const text = `Boolean((${script})(${JSON.stringify(argument ?? null)}))`;
        const isGone = (error) => /context was destroyed|navigation/i.test(String(error));
        for (const end = Date.now() + timeout; ; await new Promise((next) => setTimeout(next, 15))) {
            const is = await objects.get(on).evaluate(text).catch((error) => (isGone(error) ? false : Promise.reject(error)));
            if (is) return;
            if (Date.now() > end) throw new Error(`waited ${timeout} ms for ${script}`);
        }
    },
    /** By the debugger, which no Content-Security-Policy holds up. */
    async axe({ on }) {
        const page = objects.get(on);
        await page.evaluate(`${axe.source}; 0`);
        const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
        return violations.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.map((node) => [node.html.slice(0, 200), node.failureSummary]) }));
    },
    async call({ on, call, args }) {
        const path = call.split(".");
        const method = path.pop();
        const owner = path.reduce((object, name) => object[name], objects.get(on));
        const value = await owner[method](...args);
        return value === undefined || ["string", "number", "boolean"].includes(typeof value) || value === null ? value : null;
    },
    async drop({ on }) {
        await objects.get(on).close();
        objects.delete(on);
    },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    let answer;
    try {
        answer = { value: (await COMMANDS[command.do](command)) ?? null };
    } catch (error) {
        answer = { error: String(error.stack ?? error) };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
