/* One line per event on standard error: `time level event key=value ...`, or JSON when asked.
 * Values with spaces or quotes are quoted and escaped. Never prompts, replies, keys or tokens. The
 * rooms of lib/ log at LOG_DEBUG only. */
#ifndef SLUICE_BASE_LOG_H
#define SLUICE_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_setup(const char *process, enum log_level level, bool as_json);

/* log_event(LOG_INFO, "worker.claim", "gen=%s epoch=%d", id, epoch): `format` is key=value pairs
 * separated by single spaces; each value is one conversion (or literal text without spaces). */
__attribute__((format(printf, 3, 4))) void log_event(enum log_level level, const char *event,
                                                     const char *format, ...);

#endif
