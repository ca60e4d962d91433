/* JSON (RFC 8259). Outside text is scanned by our own strict validator first (UTF-8, depth, node
 * count, no NUL in strings, no lone surrogates, numbers of at most 63 characters, no duplicate
 * names in objects of the top two levels); only then cJSON builds a tree. Since cJSON keeps numbers
 * as doubles, whatever is only passed on (metadata, params.extra, tools) is taken as raw text with
 * json_raw. There is no lenient way in: a provider's chunk that holds \u0000 or a lone surrogate is
 * an error like any other broken chunk, since no string of ours could give it back as it was. */
#ifndef SLUICE_WIRE_JSON_H
#define SLUICE_WIRE_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include <stdint.h>

struct json_doc; /* owned: text and tree */
struct json;     /* a borrowed value in a document */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* Checks and parses a whole text (copied). -ERR_BAD_REQUEST with a message that names what is wrong
 * and at which byte. */
MUST_USE int json_parse(struct span text, struct json_doc **out, struct err *err);
/* The check alone. */
MUST_USE int json_check(struct span text, struct err *err);
void json_free(struct json_doc *doc);
const struct json *json_root(const struct json_doc *doc);

enum json_type json_type(const struct json *v);   /* NULL counts as JSON_NULL */
const char *json_type_name(const struct json *v); /* "a string", "an array", ... for messages */
size_t json_count(const struct json *v);          /* of an array or object, else 0 */
/* An item of an array, or a member of an object, in constant time; NULL outside. */
const struct json *json_at(const struct json *v, size_t index);
const struct json *json_get(const struct json *object, const char *name); /* NULL when absent */
/* Of an object's member, however it was reached; else NULL. */
const char *json_name(const struct json *member);
struct span json_string(const struct json *v); /* SPAN_NONE for another type */
bool json_bool(const struct json *v, bool otherwise);
/* False unless it is a whole number within +-(2^53 - 1). */
bool json_int(const struct json *v, int64_t *out);
bool json_number(const struct json *v, double *out); /* false unless a finite number */

/* The raw text of member `name` of the object that `text` is (checked before); SPAN_NONE when
 * absent. Borrows from `text`. */
struct span json_raw(struct span text, const char *name);
/* The text that a document was parsed from (the document's own copy). */
struct span json_text(const struct json_doc *doc);

/* Walks the members of the object (items of the array) that `text`, checked before, is: name (raw,
 * between the quotes: compare with json_name_is; SPAN_NONE in arrays) and raw value. False at the
 * end. There is nothing to walk in text of another type. */
struct json_walk {
    struct span rest;
    bool is_object;
};
struct json_walk json_walk_object(struct span text);
struct json_walk json_walk_array(struct span text);
bool json_walk_next(struct json_walk *walk, struct span *name, struct span *value);
/* Escapes in `raw` count as what they stand for. */
bool json_name_is(struct span raw, const char *name);
bool json_names_match(struct span raw, struct span other_raw);

/* Writing, always in one line. Bytes that are not UTF-8 become U+FFFD; control characters (DEL
 * too), ", \, U+2028 and U+2029 are escaped; all else stays as it is. */
void json_put_string(struct buf *b, struct span s); /* with quotes; SPAN_NONE writes null */
enum { JSON_ESCAPED = 6 };                          /* bytes that it makes of one, at most */
void json_put_int(struct buf *b, int64_t v);
void json_put_bool(struct buf *b, bool v);
/* JSON text as it is, but line ends become spaces; none or empty writes null. */
void json_put_raw(struct buf *b, struct span text);

/* An object or array under construction: commas are its business. json_open writes the bracket,
 * json_close the matching one. At most 64 deep. */
struct json_writer {
    struct buf *buf;
    uint64_t has_item; /* one bit per depth */
    uint64_t is_object;
    unsigned depth;
};
struct json_writer json_writer(struct buf *b);
/* `bracket` is { or [. Here and below, `name` is NULL in arrays and at the top. */
void json_open(struct json_writer *w, const char *name, char bracket);
void json_close(struct json_writer *w);
/* Comma and name; a value by json_put_* must follow. */
void json_key(struct json_writer *w, struct span name);
/* The same with a name as json_walk_next gave it: its escapes stay. */
void json_key_raw(struct json_writer *w, struct span raw_name);
/* Whole members. SPAN_NONE writes null; raw is as json_put_raw. */
void json_member_str(struct json_writer *w, const char *name, struct span s);
void json_member_int(struct json_writer *w, const char *name, int64_t v);
void json_member_bool(struct json_writer *w, const char *name, bool v);
void json_member_null(struct json_writer *w, const char *name);
void json_member_raw(struct json_writer *w, const char *name, struct span text);

#endif
