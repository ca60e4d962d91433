/* sluice-graph-worker: generations that are walks through a graph. */
#include "common/worker.h"
#include "graph/graph_work.h"

int main(int argc, char **argv)
{
    return worker_main(argc, argv, &graph_work);
}
