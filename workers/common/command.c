/* main() of every worker. */
#include "bus/link.h"
#include "common/worker_run.h"

static int check(const struct conf *conf, struct err *err)
{
    return link_check_url(conf->redis_url, err);
}

int worker_main(int argc, char **argv, const struct work *work)
{
    const struct daemon daemon = {
        .name = work->program,
        .summary = work->summary,
        .check = check,
        .run = worker_run,
        .arg = work,
    };
    return daemon_main(argc, argv, &daemon);
}
