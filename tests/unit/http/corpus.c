/* Reads the corpus. The words of `let` are kept as rows without a status, which are dropped in the
 * end. */
#include "http/corpus.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 4 * 1024 * 1024, WORDS_MAX = 16 };

struct reader {
    struct corpus corpus;
    struct corpus_row words[WORDS_MAX];
    size_t word_count;
    bool is_legal;
};

static int hex(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* What stands in braces: a word, or "COUNTxBYTE". */
static void put_braces(struct reader *r, struct buf *out, struct span inside)
{
    uint64_t count;
    struct span byte = inside, number = span_cut(&byte, 'x');
    if (byte.len == 1 && num_parse_u64(number, &count) == 0) {
        for (uint64_t i = 0; i < count; i++)
            CHECK(buf_byte(out, byte.ptr[0]) == 0);
        return;
    }
    for (size_t i = 0; i < r->word_count; i++)
        if (span_is(inside, r->words[i].name)) {
            CHECK(buf_span(out, r->words[i].bytes) == 0);
            return;
        }
    CHECK(false); /* a word that is not let */
}

static size_t put_escape(struct buf *out, struct span rest)
{
    static const char from[] = "rnt\\", to[] = "\r\n\t\\";
    CHECK(rest.len >= 2);
    if (rest.ptr[1] == 'x') {
        CHECK(rest.len >= 4 &&
              buf_byte(out, (char)(hex(rest.ptr[2]) * 16 + hex(rest.ptr[3]))) == 0);
        return 4;
    }
    const char *at = strchr(from, rest.ptr[1]);
    CHECK(at != NULL && *at != '\0' && buf_byte(out, to[at - from]) == 0);
    return 2;
}

static struct span expand(struct reader *r, struct span text)
{
    struct buf out;
    struct span bytes;
    buf_init(&out, TEXT_MAX);
    for (size_t i = 0; i < text.len;) {
        struct span rest = span_make(text.ptr + i, text.len - i);
        if (rest.ptr[0] == '\\') {
            i += put_escape(&out, rest);
        } else if (rest.ptr[0] == '{') {
            struct span inside = span_make(rest.ptr + 1, rest.len - 1);
            inside = span_cut(&inside, '}');
            put_braces(r, &out, inside);
            i += inside.len + 2;
        } else {
            CHECK(buf_byte(&out, rest.ptr[0]) == 0);
            i++;
        }
    }
    (void)buf_byte(&out, '\0'); /* so that a text can be printed */
    bytes.ptr = buf_take(&out, &bytes.len);
    bytes.len--;
    return bytes;
}

/* Cuts at " | ". */
static struct span column(struct span *rest)
{
    const char *bar = rest->len == 0 ? NULL : memmem(rest->ptr, rest->len, " | ", 3);
    struct span cut = *rest;
    CHECK(rest->ptr != NULL);
    if (bar == NULL) {
        *rest = SPAN_NONE;
        return cut;
    }
    cut.len = (size_t)(bar - cut.ptr);
    *rest = span_make(bar + 3, rest->len - cut.len - 3);
    return cut;
}

static void add_row(struct reader *r, struct span line)
{
    struct corpus *c = &r->corpus;
    struct span rest = line, wanted = column(&rest), statuses = span_cut(&wanted, ' ');
    c->rows = mem_grow(c->rows, c->count + 1, sizeof *c->rows);
    struct corpus_row *row = &c->rows[c->count++];
    *row = (struct corpus_row){.is_legal = r->is_legal, .stays = span_is(wanted, "stays")};
    CHECK(r->is_legal == (wanted.ptr != NULL));
    while (statuses.ptr != NULL) {
        uint64_t status;
        CHECK(num_parse_u64(span_cut(&statuses, ','), &status) == 0);
        CHECK(row->status_count < CORPUS_STATUSES);
        row->statuses[row->status_count++] = (int)status;
    }
    row->name = span_dup(column(&rest));
    row->bytes = expand(r, column(&rest));
    row->body = r->is_legal ? expand(r, rest) : expand(r, SPAN_LIT(""));
}

static void read_line(struct reader *r, struct span line)
{
    struct span rest = line, first = span_cut(&rest, ' ');
    if (line.len == 0 || line.ptr[0] == '#')
        return;
    if (span_is(first, "group")) {
        r->is_legal = span_is(rest, "legal");
    } else if (span_is(first, "let")) {
        CHECK(r->word_count < WORDS_MAX);
        struct corpus_row *word = &r->words[r->word_count];
        word->name = span_dup(span_cut(&rest, ' '));
        word->bytes = expand(r, rest);
        r->word_count++;
    } else {
        add_row(r, line);
    }
}

static void release_bytes(struct span bytes)
{
    char *owned = NULL;
    memcpy(&owned, &bytes.ptr, sizeof owned); /* it was made here */
    mem_free(owned);
}

static void release_row(struct corpus_row *row)
{
    mem_free(row->name);
    release_bytes(row->bytes);
    release_bytes(row->body);
}

struct corpus corpus_read(void)
{
    static char text[TEXT_MAX];
    struct reader r = {.is_legal = false};
    FILE *file = fopen(SLUICE_SOURCE_DIR "/tests/support/http_corpus.txt", "rb");
    CHECK(file != NULL);
    struct span rest = span_make(text, fread(text, 1, sizeof text, file));
    CHECK(rest.len > 0 && fclose(file) == 0);
    while (rest.ptr != NULL)
        read_line(&r, span_cut(&rest, '\n'));
    for (size_t i = 0; i < r.word_count; i++)
        release_row(&r.words[i]);
    return r.corpus;
}

void corpus_release(struct corpus *c)
{
    for (size_t i = 0; i < c->count; i++)
        release_row(&c->rows[i]);
    mem_free(c->rows);
}
