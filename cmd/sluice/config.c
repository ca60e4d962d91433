/* sluice config: the effective settings. */
#include "command.h"

#include "base/buf.h"
#include "conf/conf.h"

#include <getopt.h>
#include <stdio.h>

enum { PRINT_MAX = 4 * 1024 * 1024 };

static const char HELP[] = "usage: sluice config [--config FILE] [--document]\n\n"
                           "Prints the effective settings as YAML: the file (--config, else "
                           "SLUICE_CONFIG), the environment over it, secrets masked.\n"
                           "--document prints the table of all settings instead.\n";

static int print_settings(const char *path, bool want_document)
{
    struct conf *conf = NULL;
    struct err err = {.code = ERR_OK};
    struct buf out;
    if (!want_document && conf_load(path, &conf, &err) != 0) {
        (void)fprintf(stderr, "sluice: %s\n", err.message);
        return EXIT_FAILED;
    }
    buf_init(&out, PRINT_MAX);
    if (want_document)
        conf_document(&out);
    else
        conf_print(conf, &out);
    struct span text = buf_as_span(&out);
    int rc = fwrite(text.ptr, 1, text.len, stdout) == text.len && fflush(stdout) == 0 ? EXIT_OK
                                                                                      : EXIT_FAILED;
    buf_release(&out);
    conf_free(conf);
    return rc;
}

int command_config(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"document", no_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *path = NULL;
    bool want_document = false;
    for (int c; (c = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(HELP, stdout) < 0 ? EXIT_FAILED : EXIT_OK;
        if (c == 'c')
            path = optarg;
        else if (c == 'd')
            want_document = true;
        else
            return command_misused(HELP);
    }
    return optind < argc ? command_misused(HELP) : print_settings(path, want_document);
}
