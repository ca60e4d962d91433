// Making elements. The rule of the page stands here: text is only ever text, nothing is parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

/** el("p", {class: "note", onclick: f, hidden: true}, "text", child, ...): null children are left out. */
export function el(tag, properties = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
        else if (value === true) node.setAttribute(name, "");
        else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
}

/** One of the symbols of index.html. */
export function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    const use = document.createElementNS(SVG, "use");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", "#i-" + name);
    svg.append(use);
    return svg;
}

export function iconButton(name, label, onclick) {
    return el("button", { class: "quiet", type: "button", "aria-label": label, title: label, onclick }, icon(name));
}

/** Tells a screen reader. The same words again are told again. */
export function announce(text) {
    const status = $("status");
    status.textContent = status.textContent === text ? text + "\u00a0" : text;
}

/** To the clipboard; also where the page is no secure context. False where neither way works. */
export async function copyText(text) {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        const box = el("textarea", { class: "unseen" });
        const before = document.activeElement;
        box.value = text;
        document.body.append(box);
        box.select();
        const isCopied = document.execCommand("copy");
        box.remove();
        before?.focus();
        return isCopied;
    }
}

/** A button that copies what `text()` gives, and says that it did. */
export function copyButton(text, label, words = null) {
    const button =
        words === null ? iconButton("copy", label) : el("button", { type: "button", "aria-label": label }, icon("copy"), words);
    const face = [...button.childNodes];
    let timer = 0;
    button.addEventListener("click", async () => {
        const isCopied = await copyText(text());
        announce(isCopied ? "Copied" : "Copying is not allowed here");
        button.replaceChildren(
            icon(isCopied ? "check" : "alert"),
            ...(words === null ? [] : [isCopied ? "Copied" : "Not allowed"]),
        );
        clearTimeout(timer);
        timer = setTimeout(() => button.replaceChildren(...face), 1600);
    });
    return button;
}
