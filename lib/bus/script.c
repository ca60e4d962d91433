/* Owns nothing: the texts lie in the program (lib/bus/CMakeLists.txt puts them there), their names
 * are computed from them. A script is named by its SHA-1, a function by its library, which is named
 * by its content, so that old and new processes do not meet in one name. */
#include "bus/script.h"

#include <openssl/evp.h>
#include <stdio.h>

#define SCRIPT(name, file)                                                                         \
    extern const char script_##file##_lua[];                                                       \
    extern const char script_##file##_lua_end[];
#define FUNCTION(name, file)
#define X(name, file, form, is_repeated) form(name, file)
#include "bus/scripts.def"
#undef X
#undef SCRIPT
#undef FUNCTION
extern const char script_library_lua[];
extern const char script_library_lua_end[];

enum { NAME_MAX_BYTES = 64 };
#define LIBRARY_LINE "#!lua name=sluice_"

/* Where a text lies; of a function, which one of the library it is. */
struct row {
    const char *begin, *end, *function;
};

/* clang-format off */
#define SCRIPT(name, file) [SCRIPT_##name] = {script_##file##_lua, script_##file##_lua_end, NULL},
#define FUNCTION(name, file) [SCRIPT_##name] = {script_library_lua, script_library_lua_end, #file},
/* clang-format on */
#define X(name, file, form, is_repeated) form(name, file)
static const struct row rows[SCRIPT_COUNT] = {
#include "bus/scripts.def"
};
#undef X
#undef SCRIPT
#undef FUNCTION

/* Digests and function names: facts of the program, not state. */
static char names[SCRIPT_COUNT][NAME_MAX_BYTES];

static struct span text_of(enum script script)
{
    return span_make(rows[script].begin, (size_t)(rows[script].end - rows[script].begin));
}

static void name_script(enum script script)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    struct span text = text_of(script);
    CHECK(EVP_Digest(text.ptr, text.len, digest, &len, EVP_sha1(), NULL) == 1);
    for (unsigned i = 0; i < len; i++)
        (void)snprintf(names[script] + (size_t)i * 2, 3, "%02x", digest[i]); /* 40 and a NUL fit */
}

static void name_function(enum script script)
{
    struct span rest = text_of(script);
    CHECK(span_starts_with(rest, LIBRARY_LINE));
    struct span line = span_cut(&rest, '\n');
    size_t skip = strlen(LIBRARY_LINE);
    int len = snprintf(names[script], NAME_MAX_BYTES, "%s_%.*s", rows[script].function,
                       (int)(line.len - skip), line.ptr + skip);
    CHECK(len > 0 && len < NAME_MAX_BYTES);
}

void script_setup(void)
{
    for (int i = 0; i < SCRIPT_COUNT; i++) {
        if (rows[i].function == NULL)
            name_script((enum script)i);
        else
            name_function((enum script)i);
    }
}

void script_invoke(struct command *c, enum script script)
{
    CHECK((unsigned)script < SCRIPT_COUNT);
    command_text(c, rows[script].function == NULL ? "EVALSHA" : "FCALL");
    command_text(c, names[script]);
}

void script_load(struct link *link, enum script script)
{
    const char *family = rows[script].function == NULL ? "SCRIPT" : "FUNCTION";
    const struct span argv[] = {span_of(family), SPAN_LIT("LOAD"), text_of(script)};
    /* A refusal shows in the call behind it; that the library exists already is none. */
    link_command(link, 3, argv, 0, NULL, NULL);
}

void script_load_all(struct link *link)
{
    for (int i = 0; i < SCRIPT_COUNT; i++)
        script_load(link, (enum script)i);
}

int script_error(struct span text)
{
    static const struct {
        const char *begin;
        int status;
    } errors[] = {
        {"NOSCRIPT", 0},
        {"ERR Function not found", 0},
        {"OOM ", -ERR_UNAVAILABLE},
        {"MISCONF ", -ERR_UNAVAILABLE},
        {"NOREPLICAS ", -ERR_UNAVAILABLE},
        {"DAMAGED ", -ERR_MALFORMED},
    };
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (span_starts_with(text, errors[i].begin))
            return errors[i].status;
    return -ERR_INTERNAL;
}
