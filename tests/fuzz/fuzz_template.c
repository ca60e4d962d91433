/* Templates: the pieces of a text are the text, in order; what is cut off as a program is no longer
 * than its braces; a program's code is walked inside it, and to its end when it is sound. */
#include "fuzz.h"
#include "graphs/expr.h"
#include "graphs/template_text.h"

static void walk_code(struct span text)
{
    struct code code = code_of(text);
    size_t steps = 0;
    int byte;
    while ((byte = code_next(&code)) > 0) {
        CHECK(code.at < text.len && code.next <= text.len && code.depth <= CODE_DEPTH_MAX);
        CHECK((unsigned char)text.ptr[code.at] == byte);
        CHECK(++steps <= text.len);
    }
    CHECK(code.at <= text.len);
    CHECK(byte < 0 || (code.depth == 0 && code.next >= text.len));
    size_t offset = 0;
    struct err err = {0};
    if (expr_is_allowed(text, &offset, &err) != 0)
        CHECK(offset <= text.len && err.message[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span whole = span_make((const char *)data, size);
    struct span rest = whole;
    const char *end = whole.ptr; /* of what was cut off */
    struct cut piece;
    struct err err = {0};
    int result;
    walk_code(whole);
    while ((result = template_cut(&rest, &piece, &err)) > 0) {
        CHECK(piece.text.len > 0 && piece.text.ptr >= end);
        CHECK(piece.text.ptr + piece.text.len <= rest.ptr);
        CHECK(rest.ptr + rest.len == whole.ptr + whole.len);
        if (piece.is_inside) {
            CHECK(memcmp(end, "{{", 2) == 0 && memcmp(rest.ptr - 2, "}}", 2) == 0);
            struct span name = secret_name(piece.text);
            CHECK(name.ptr == NULL || name.len + 8 == piece.text.len);
            walk_code(piece.text);
        } else {
            CHECK(piece.text.ptr == end && piece.text.ptr + piece.text.len == rest.ptr);
            CHECK(memmem(piece.text.ptr, piece.text.len, "{{", 2) == NULL);
        }
        end = rest.ptr;
    }
    CHECK(result == 0 ? rest.len == 0 : result == -ERR_CONFIG && err.message[0] != '\0');
    if (result < 0)
        CHECK(piece.text.ptr >= rest.ptr && piece.text.ptr < whole.ptr + whole.len);
    return 0;
}
