/* Secrets: `env:NAME` and `file:PATH`. Never printed, never logged; messages name the reference,
 * which is none. */
#include "base/mem.h"
#include "conf/rows.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECRET_BYTES_MAX = 16 * 1024 };

bool secret_is_reference(const char *text)
{
    return strncmp(text, "env:", 4) == 0 || strncmp(text, "file:", 5) == 0;
}

static int check_secret(const char *where, struct span secret, char why[WHY_MAX])
{
    const char *wrong = NULL;
    if (secret.len == 0)
        wrong = "is empty";
    for (size_t i = 0; i < secret.len && wrong == NULL; i++)
        if ((unsigned char)secret.ptr[i] < ' ' || secret.ptr[i] == 0x7f)
            wrong = "holds control characters";
    if (wrong == NULL)
        return 0;
    (void)snprintf(why, WHY_MAX, "the secret in %s %s; expected one line of text", where, wrong);
    return -ERR_CONFIG;
}

static int read_file(const char *path, char *into, size_t room, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno;
    ssize_t got;
    *len = 0;
    do {
        got = read(fd, into + *len, room - *len);
        if (got > 0)
            *len += (size_t)got;
    } while ((got > 0 && *len < room) || (got < 0 && errno == EINTR));
    int result = got < 0 ? errno : 0;
    (void)close(fd); /* only read from */
    return *len == room ? EFBIG : result;
}

static int resolve_file(const char *path, char **out, char why[WHY_MAX])
{
    char *bytes = mem_new(SECRET_BYTES_MAX);
    struct span secret = {bytes, 0};
    int problem = read_file(path, bytes, SECRET_BYTES_MAX, &secret.len);
    int result = -ERR_CONFIG;
    if (problem != 0) {
        (void)snprintf(why, WHY_MAX, "the secret's file %s cannot be read: %s", path,
                       strerror(problem));
    } else {
        if (secret.len > 0 && bytes[secret.len - 1] == '\n')
            secret.len--;
        if (secret.len > 0 && bytes[secret.len - 1] == '\r')
            secret.len--;
        result = check_secret(path, secret, why);
    }
    if (result == 0)
        *out = span_dup(secret);
    explicit_bzero(bytes, SECRET_BYTES_MAX);
    mem_free(bytes);
    return result;
}

int secret_resolve(const char *reference, char **out, char why[WHY_MAX])
{
    CHECK(secret_is_reference(reference));
    if (strncmp(reference, "file:", 5) == 0)
        return resolve_file(reference + 5, out, why);
    const char *name = reference + 4;
    const char *value = getenv(name);
    if (value == NULL) {
        (void)snprintf(why, WHY_MAX, "the environment variable %s is not set", name);
        return -ERR_CONFIG;
    }
    int result = check_secret(name, span_of(value), why);
    if (result == 0)
        *out = mem_strdup(value);
    return result;
}
