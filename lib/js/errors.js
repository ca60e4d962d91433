// What goes wrong, in one form.

/** Statuses after which the same request may succeed: the rest says that the request itself is wrong. */
const isPassing = (status) => status === 408 || status === 429 || status >= 500;

export class SluiceError extends Error {
    constructor({ code, message, retryable = false, status = 0, param = null, retryAfterMs = null, cause }) {
        super(message, cause === undefined ? undefined : { cause });
        this.name = "SluiceError";
        this.code = code;
        this.retryable = retryable;
        this.status = status;
        this.param = param;
        this.retryAfterMs = retryAfterMs;
    }
}

export const networkError = (message, cause) => new SluiceError({ code: "network", message, retryable: true, cause });
export const protocolError = (message, status = 0) => new SluiceError({ code: "protocol", message, status });

/** Of `failed` and `interrupted`. */
export const errorOfEnd = (error) =>
    new SluiceError({ code: error.code, message: error.message, retryable: error.retryable });

/** Whether to try again without being asked to. */
export const isWorthWaiting = (error) =>
    error instanceof SluiceError && (error.status === 0 ? error.retryable : isPassing(error.status));

/** Retry-After in ms: seconds, or a date (RFC 9110). */
export function parseRetryAfter(text, now = Date.now()) {
    if (!text) return null;
    if (/^\d+$/.test(text)) return Number(text) * 1000;
    const date = Date.parse(text);
    return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** Reads the answer's body. A proxy's page in place of our JSON is told by its status. */
export async function errorOfResponse(response) {
    const retryAfterMs = parseRetryAfter(response.headers.get("Retry-After"));
    const { status } = response;
    const body = await response.json().catch(() => null);
    const error = body?.error;
    if (typeof error?.code === "string") {
        const { code, message, retryable = false, param = null } = error;
        return new SluiceError({ code, message, retryable, param, status, retryAfterMs });
    }
    const code = isPassing(status) ? "unavailable" : "protocol";
    return new SluiceError({ code, message: `the server answered ${status}`, retryable: isPassing(status), status, retryAfterMs });
}

/** A mistake in a listener is not ours: it is told to whom it may concern, and changes nothing here. */
export function tell(listener, value) {
    try {
        listener(value);
    } catch (error) {
        queueMicrotask(() => {
            throw error;
        });
    }
}
