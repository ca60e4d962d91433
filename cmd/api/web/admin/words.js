// Numbers, times and durations as an operator reads them. Pure.

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export const NONE = "–";
export const count = (n) => whole.format(n);
export const about = (n) => (n < 10_000 ? whole.format(n) : short.format(n));
export const rate = (n) => (n < 10 ? n.toFixed(1) : about(Math.round(n)));
export const time = (ms) => clock.format(ms);

/** Of milliseconds; null is none. */
export function duration(ms) {
    if (ms === null || ms === undefined) return NONE;
    if (ms < 10) return `${ms.toFixed(1)} ms`;
    if (ms < 1000) return `${Math.round(ms)} ms`;
    if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
    const minutes = Math.floor(ms / 60_000);
    return minutes < 60
        ? `${minutes} min ${Math.floor(ms / 1000) % 60} s`
        : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const micros = (us) => duration(us === null || us === undefined ? null : us / 1000);
