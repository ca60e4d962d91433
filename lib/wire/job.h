/* The job: what the API writes into a generation's record (`request`, a msgpack map) and a worker
 * reads. And usage, the other small shape that crosses processes. Rule for change: unknown keys are
 * ignored; a changed meaning raises JOB_VERSION, and a worker refuses what is newer. */
#ifndef SLUICE_WIRE_JOB_H
#define SLUICE_WIRE_JOB_H

#include "base/buf.h"
#include "wire/mp.h"

enum { JOB_VERSION = 1 };

/* Spans borrow; SPAN_NONE where the client said nothing. */
struct job {
    int64_t version;
    bool is_stateless;
    struct span message;     /* the user's text (chat turns) */
    struct span messages;    /* JSON text of the checked array (stateless) */
    struct span attachments; /* JSON text or none */
    struct span model;       /* a configured model's name */
    struct span graph;       /* a graph's name, where the client gave one */
    struct span system;
    struct span params;   /* JSON text of the checked object, `extra` inside */
    struct span metadata; /* JSON text */
    struct span upstream; /* on stop: "close" or "drain" */
    struct span traceparent;
    struct span replace_from; /* the model sees what is before this message */
    struct span prefill;      /* text that the reply begins with: shown in an interrupted one */
};

void job_encode(struct buf *b, const struct job *job);
/* The spans of `out` borrow from `doc` (owned by the caller: mp_close), which holds a copy of
 * `bytes`. -ERR_MALFORMED, or -ERR_NOT_SUPPORTED for a newer version. */
MUST_USE int job_decode(struct span bytes, struct job *out, struct mp_doc **doc);

/* Tokens used; -1 stands for null. */
enum usage_source { USAGE_UNKNOWN, USAGE_ESTIMATED, USAGE_PROVIDER, USAGE_NONE };
struct usage {
    int64_t input, output, cached, reasoning;
    enum usage_source source;
    bool is_settled;
};
struct usage usage_unknown(void);
struct usage usage_none(void); /* no provider was asked: zeros, settled */
const char *usage_source_name(enum usage_source source);
void usage_put_json(struct buf *b, const struct usage *usage);
/* As a msgpack map, and back: what is none, or of no known source, is unknown. */
void usage_field(struct mp_fields *f, const char *key, const struct usage *usage);
struct usage usage_read(const struct mp_value *map);

#endif
