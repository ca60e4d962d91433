// Attachments: files into what the protocol takes, and how they are shown.

import { el, icon } from "./dom.js";

const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
const TEXTS = new Set(["application/json", "application/xml", "application/yaml"]);
export const FILES_MAX = 32; // of a message, as the server has it
const BYTES_MAX = 560 * 1024; // of all of a message: in Base64, and beside a long text, within a request of 1 MiB
const IMAGE_BYTES = 256 * 1024; // a larger image is made smaller
const SIDES = [1568, 1024, 640]; // pixels; models see no more of it than the first

export const sizeText = (bytes) =>
    bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
const bytesOf = (attachment) => Math.floor(((attachment.data ?? "").length * 3) / 4);

function isText(bytes) {
    try {
        return !new TextDecoder("utf-8", { fatal: true }).decode(bytes).includes("\0");
    } catch {
        return false;
    }
}

const readBase64 = (file) =>
    new Promise((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
        reader.onerror = () => reject(reader.error);
        reader.readAsDataURL(file);
    });

/** The image as a JPEG whose longer side has at most so many pixels. */
async function smaller(file, side) {
    const image = await createImageBitmap(file);
    const scale = Math.min(1, side / Math.max(image.width, image.height));
    const canvas = el("canvas", {
        width: Math.max(1, Math.round(image.width * scale)),
        height: Math.max(1, Math.round(image.height * scale)),
    });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff"; // where it was transparent
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    image.close();
    return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
}

async function readImage(file) {
    let small = file;
    try {
        for (const side of SIDES) if (small.size > IMAGE_BYTES) small = await smaller(file, side);
    } catch {
        throw new Error(`${file.name} is no image that can be read`);
    }
    return { type: "image", media_type: small.type, name: file.name, data: await readBase64(small) };
}

async function readFile(file, takesImages) {
    if (IMAGES.has(file.type)) {
        if (!takesImages) throw new Error(`${file.name}: what answers here does not take images`);
        return readImage(file);
    }
    if (file.size > BYTES_MAX) throw new Error(`${file.name} is too large: ${sizeText(BYTES_MAX)} go with a message`);
    if (!isText(await file.arrayBuffer())) throw new Error(`${file.name} is neither a text nor an image (PNG, JPEG, GIF, WebP)`);
    const media = file.type.split(";")[0];
    const isKnown = TEXTS.has(media) || /^text\/[a-z0-9.+-]+$/.test(media);
    return { type: "text", media_type: isKnown ? media : "text/plain", name: file.name, data: await readBase64(file) };
}

/** {attachments, troubles}: what could be read of these files beside those that are there, and why others could not. */
export async function readFiles(files, before, takesImages) {
    const attachments = [];
    const troubles = [];
    for (const file of files) {
        try {
            if (before.length + attachments.length >= FILES_MAX) throw new Error(`At most ${FILES_MAX} files go with a message`);
            const read = await readFile(file, takesImages);
            const sum = [...before, ...attachments, read].reduce((all, one) => all + bytesOf(one), 0);
            if (sum > BYTES_MAX) throw new Error(`${file.name} is too much: ${sizeText(BYTES_MAX)} go with a message`);
            attachments.push(read);
        } catch (error) {
            troubles.push(error.message);
        }
    }
    return { attachments, troubles };
}

const source = (attachment) =>
    IMAGES.has(attachment.media_type) && attachment.data ? `data:${attachment.media_type};base64,${attachment.data}` : null;

/** How an attachment looks. An image at an address is named, not fetched. */
export function fileChip(attachment, { isLarge = false, ...rest } = {}, ...more) {
    const name = attachment.name || attachment.url || (attachment.type === "image" ? "image" : "text");
    const image = attachment.type === "image" ? source(attachment) : null;
    if (image !== null && isLarge) return el("img", { class: "large", src: image, alt: name });
    const face = image === null ? icon("file") : el("img", { src: image, alt: "" });
    const what = attachment.data ? sizeText(bytesOf(attachment)) : attachment.media_type;
    return el(
        rest.tag ?? "span",
        { class: "file" },
        face,
        el("span", {}, el("span", { class: "name" }, name), el("span", { class: "what" }, what)),
        ...more,
    );
}
