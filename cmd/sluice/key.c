/* sluice key new: an API key, and its row for the configuration. The key is shown this once; the
 * file holds what it hashes to. */
#include "command.h"

#include "base/id.h"
#include "base/mem.h"
#include "conf/conf.h"

#include <getopt.h>
#include <stdio.h>

static const char HELP[] =
    "usage: sluice key new [--tenant TENANT] [--role user|admin] [--id ID]\n\n"
    "Makes an API key of 256 random bits. Prints the key, which is not kept anywhere, and below it "
    "the row\nfor the list `keys` of the configuration. SIGHUP makes a new row valid and a removed "
    "one void.\n";

struct wish {
    const char *id, *tenant, *role;
};

/* Two ids of ours hold 128 random bits each. */
static char *mint_key(void)
{
    struct id first = id_mint("sk_sluice"), second = id_mint("x");
    char *key = mem_printf("%s%s", first.text, second.text + sizeof "x_" - 1);
    explicit_bzero(&first, sizeof first);
    explicit_bzero(&second, sizeof second);
    return key;
}

static int print_key(const struct wish *wish)
{
    const struct id minted = id_mint("key");
    char *key = mint_key();
    const struct conf_key_hash hash = conf_key_hash(span_of(key));
    int printed =
        printf("%s\n  - {id: \"%s\", tenant: \"%s\", role: %s, sha256: \"%s\"}\n", key,
               wish->id != NULL ? wish->id : minted.text, wish->tenant, wish->role, hash.hex);
    bool is_out = printed > 0 && fflush(stdout) == 0;
    explicit_bzero(key, strlen(key));
    mem_free(key);
    return is_out ? EXIT_OK : EXIT_FAILED;
}

/* Says what is wrong with a wish, in the words of the configuration. */
static bool is_possible(const struct wish *wish)
{
    const char *wrong = NULL;
    if (wish->id != NULL && !id_is_valid(span_of(wish->id)))
        wrong = "an id has 1 to 128 of A-Z a-z 0-9 _ . : -";
    if (!id_is_tenant(span_of(wish->tenant)))
        wrong = "a tenant has 1 to 64 of a-z 0-9 _ -";
    if (!span_is(span_of(wish->role), "user") && !span_is(span_of(wish->role), "admin"))
        wrong = "a role is user or admin";
    if (wrong != NULL)
        (void)fprintf(stderr, "sluice: %s\n", wrong);
    return wrong == NULL;
}

int command_key(int argc, char **argv)
{
    static const struct option options[] = {{"tenant", required_argument, NULL, 't'},
                                            {"role", required_argument, NULL, 'r'},
                                            {"id", required_argument, NULL, 'i'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct wish wish = {.tenant = "default", .role = "user"};
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        if (c == 't')
            wish.tenant = optarg;
        else if (c == 'r')
            wish.role = optarg;
        else if (c == 'i')
            wish.id = optarg;
        else
            return command_misused(HELP);
    }
    if (argc - optind != 1 || strcmp(argv[optind], "new") != 0)
        return command_misused(HELP);
    return is_possible(&wish) ? print_key(&wish) : EXIT_USAGE;
}
