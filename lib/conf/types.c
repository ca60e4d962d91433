/* How a value of each type of types.def is read and written. Invariant: a value that may be a
 * secret never reaches a message. */
#include "base/id.h"
#include "base/mem.h"
#include "base/num.h"
#include "conf/checks.h"
#include "conf/rows.h"
#include <inttypes.h>
#include <stdio.h>

static const struct {
    enum conf_kept kept;
    bool (*check)(struct span);
    const char *expected;
} types[] = {
#define T(type, kept, check, expected) {KEPT_##kept, check, expected},
#include "conf/types.def"
#undef T
};

enum conf_kept type_kept(enum conf_type type)
{
    return types[type].kept;
}

const char *type_expected(enum conf_type type)
{
    return types[type].expected;
}

bool type_is_secret(enum conf_type type)
{
    return type == TYPE_SECRET;
}

struct unit {
    const char *name;
    int64_t size;
};

void number_print(enum conf_type type, int64_t number, struct buf *out)
{
    static const struct unit durations[] = {
        {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    static const struct unit sizes[] = {
        {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}};
    static const struct unit plain[] = {{"", 1}};
    const struct unit *unit = type == TYPE_MS ? durations : type == TYPE_BYTES ? sizes : plain;
    if (type == TYPE_MS && number == INT64_MAX) {
        (void)buf_text(out, "forever"); /* whoever owns the buffer looks at it */
        return;
    }
    if (type == TYPE_MS && number == 0) {
        (void)buf_text(out, "0s");
        return;
    }
    bool is_day = type == TYPE_MS && number < 2 * durations[0].size; /* 24h is clearer than 1d */
    unit += is_day;
    while (unit->size > 1 && (number == 0 || number % unit->size != 0))
        unit++;
    (void)buf_printf(out, "%" PRId64 "%s", number / unit->size, unit->name);
}

void row_bounds(const struct conf_row *row, struct buf *out)
{
    if (type_kept(row->type) != KEPT_NUMBER)
        return;
    number_print(row->type, row->min, out);
    if (row->min == row->max)
        return;
    if (row->max == INT64_MAX && row->type != TYPE_MS) {
        (void)buf_text(out, " or more");
        return;
    }
    (void)buf_text(out, " to ");
    number_print(row->type, row->max, out);
}

/* "'8x' is not valid; expected a whole number, 1 to 10000" */
static int refuse(const struct conf_row *row, const char *text, char why[WHY_MAX])
{
    struct buf bounds;
    buf_init(&bounds, 128);
    if (type_kept(row->type) == KEPT_NUMBER)
        (void)buf_text(&bounds, ", ");
    row_bounds(row, &bounds);
    bool is_hidden = type_is_secret(row->type) || row->type == TYPE_REDIS_URL;
    if (is_hidden)
        (void)snprintf(why, WHY_MAX, "the value is not valid; expected %s",
                       types[row->type].expected);
    else
        (void)snprintf(why, WHY_MAX, "'%.60s' is not valid; expected %s%s", text,
                       types[row->type].expected, bounds.len == 0 ? "" : bounds.ptr);
    buf_release(&bounds);
    return -ERR_CONFIG;
}

static int set_number(const struct conf_row *row, int64_t *field, const char *text,
                      char why[WHY_MAX])
{
    struct span s = span_of(text);
    int64_t number = -1;
    uint64_t size;
    int result;
    if (row->type == TYPE_MS) {
        result = num_parse_ms(s, &number);
    } else if (row->type == TYPE_BYTES) {
        result = num_parse_bytes(s, &size);
        if (result == 0)
            number = size > INT64_MAX ? INT64_MAX : (int64_t)size;
    } else {
        result = num_parse_i64(s, &number);
    }
    if (result != 0 || number < row->min || number > row->max)
        return refuse(row, text, why);
    *field = number;
    return 0;
}

static int set_text(const struct conf_row *row, char **field, const char *text, char why[WHY_MAX])
{
    char *resolved = NULL;
    bool can_refer = type_is_secret(row->type) || row->type == TYPE_REDIS_URL;
    if (can_refer && secret_is_reference(text)) {
        int result = secret_resolve(text, &resolved, why);
        if (result != 0)
            return result;
    } else if (type_is_secret(row->type) && *text != '\0') {
        return refuse(row, text, why);
    }
    const char *value = resolved == NULL ? text : resolved;
    int result = types[row->type].check(span_of(value)) ? 0 : refuse(row, text, why);
    if (result == 0) {
        mem_free(*field);
        *field = mem_strdup(value);
    }
    mem_free(resolved);
    return result;
}

int row_add_item(const struct conf_row *row, struct conf_list *list, const char *text,
                 char why[WHY_MAX])
{
    if (!types[row->type].check(span_of(text)))
        return refuse(row, text, why);
    list->items = mem_grow(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = mem_strdup(text);
    return 0;
}

int row_set_list(const struct conf_row *row, void *owner, struct conf_list list, char why[WHY_MAX])
{
    if (list.count == 0 && row->type == TYPE_ADDRESSES) {
        (void)snprintf(why, WHY_MAX, "the list must not be empty; expected %s",
                       types[row->type].expected);
        return -ERR_CONFIG;
    }
    row_release(row, owner);
    *(struct conf_list *)(void *)((char *)owner + row->offset) = list;
    return 0;
}

/* Items between commas; the empty text is the empty list. */
static int set_list(const struct conf_row *row, void *owner, const char *text, char why[WHY_MAX])
{
    struct conf_list fresh = {0};
    struct span rest = span_trim(span_of(text));
    int result = 0;
    while (rest.ptr != NULL && result == 0 && (rest.len > 0 || fresh.count > 0)) {
        char *item = span_dup(span_trim(span_cut(&rest, ',')));
        result = row_add_item(row, &fresh, item, why);
        mem_free(item);
    }
    if (result == 0)
        result = row_set_list(row, owner, fresh, why);
    if (result != 0)
        conf_list_release(&fresh);
    return result;
}

int row_set_text(const struct conf_row *row, void *owner, const char *text, char why[WHY_MAX])
{
    void *field = (char *)owner + row->offset;
    switch (type_kept(row->type)) {
    case KEPT_NUMBER:
        return set_number(row, field, text, why);
    case KEPT_LIST:
        return set_list(row, owner, text, why);
    case KEPT_TEXT:
    default:
        return set_text(row, field, text, why);
    }
}
