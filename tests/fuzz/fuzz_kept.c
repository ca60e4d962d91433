/* What a graph worker reads back of earlier claims: checkpoints of steps, the binding, what a chat
 * parked, failures as JSON, and the log, here as events of a length of two bytes each. What can be
 * read is written again and read once more. */
#include "base/mem.h"
#include "fuzz.h"
#include "graph/bound.h"
#include "graph/failing.h"
#include "graph/outcome.h"
#include "graph/past.h"

enum { STATE_BYTES = 4096, OUT_BYTES = 4 * 1024 * 1024 };

static void try_outcome(struct span bytes)
{
    struct outcome outcome, again;
    struct buf out;
    if (outcome_read(bytes, &outcome) == 0) {
        buf_init(&out, OUT_BYTES);
        outcome_write(&outcome, &out);
        CHECK(buf_error(&out) == 0 && outcome_read(buf_as_span(&out), &again) == 0);
        CHECK(again.part_count == outcome.part_count && span_equal(again.node, outcome.node));
        outcome_release(&again);
        buf_release(&out);
    }
    outcome_release(&outcome);
}

static void try_parked(struct span bytes)
{
    struct bound bound;
    struct state state = {.input = NULL};
    char *node = NULL;
    bound_init(&bound);
    if (parked_read(bytes, &bound, SPAN_LIT("[]"), STATE_BYTES, &state, &node) == 0) {
        CHECK(node != NULL && state.bytes <= STATE_BYTES && bound.count > 0);
        mem_free(node);
    }
    state_release(&state);
    bound_release(&bound);
}

static void try_binding(struct span bytes)
{
    struct bound bound;
    bound_init(&bound);
    if (bound_read(bytes, &bound) == 0)
        CHECK(bound.count > 0 && bound.count <= BOUND_MAX);
    bound_release(&bound);
}

static void try_log(struct span bytes)
{
    struct past past;
    past_init(&past, STATE_BYTES);
    while (bytes.len >= 2) {
        size_t len = (size_t)(unsigned char)bytes.ptr[0] << 8 | (unsigned char)bytes.ptr[1];
        bytes = span_make(bytes.ptr + 2, bytes.len - 2);
        len = len < bytes.len ? len : bytes.len;
        if (past_put(&past, span_make(bytes.ptr, len)) != 0)
            break;
        bytes = span_make(bytes.ptr + len, bytes.len - len);
    }
    struct past_half half = past_half(&past);
    CHECK(half.count <= past.parts.count);
    past_release(&past);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_make((const char *)data, size);
    struct failing failing;
    try_outcome(bytes);
    try_parked(bytes);
    try_binding(bytes);
    try_log(bytes);
    (void)!failing_read(bytes, &failing); /* whatever it says */
    return 0;
}
