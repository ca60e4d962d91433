/* Paths from the environment and from where this program lies. Invariant: what comes out is
 * absolute (but for a relative HOME or XDG_STATE_HOME, which are not ours). */
#include "folders.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const char *environment_or(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value == NULL || *value == '\0' ? otherwise : value;
}

int folder_make(const char *path)
{
    char *copy = mem_strdup(path);
    int why = 0;
    for (char *slash = strchr(copy + 1, '/'); why == 0; slash = strchr(slash + 1, '/')) {
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            why = errno;
        if (slash == NULL)
            break;
        *slash = '/';
    }
    mem_free(copy);
    return why;
}

int folder_claim(const char *path)
{
    enum { TRIES = 30, PAUSE_MS = 100 };
    char *name = mem_printf("%s/lock", path);
    int fd = open(name, O_RDWR | O_CREAT, 0600); /* NOLINT(android-cloexec-open): see the header */
    int why = fd < 0 ? errno : EWOULDBLOCK;
    for (int i = 0; fd >= 0 && why == EWOULDBLOCK && i < TRIES; i++) {
        if (i > 0)
            (void)poll(NULL, 0, PAUSE_MS);
        why = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    }
    mem_free(name);
    if (why == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -why;
}

char *folder_of_state(void)
{
    const char *home = environment_or("SLUICE_HOME", NULL),
               *state = environment_or("XDG_STATE_HOME", NULL);
    if (home != NULL && *home == '/')
        return mem_strdup(home);
    if (home != NULL) {
        char here[PATH_MAX];
        return mem_printf("%s/%s", getcwd(here, sizeof here) == NULL ? "" : here, home);
    }
    return state != NULL ? mem_printf("%s/sluice", state)
                         : mem_printf("%s/.local/state/sluice", environment_or("HOME", "/tmp"));
}

char *folder_of_programs(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n < 0 ? 0 : n] = '\0';
    return mem_strdup(dirname(path));
}
