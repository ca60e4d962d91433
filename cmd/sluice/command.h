/* The subcommands of `sluice`. Each takes its own argv (argv[0] is its name), prints results on
 * standard output and what goes wrong on standard error, and returns the exit status: 0 well, 1 it
 * failed, 2 it was called wrongly. */
#ifndef SLUICE_CMD_COMMAND_H
#define SLUICE_CMD_COMMAND_H

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int command_misused(const char *help); /* prints it on standard error; EXIT_USAGE */

int command_run(int argc, char **argv);
int command_chat(int argc, char **argv);
int command_stop(int argc, char **argv);
int command_tail(int argc, char **argv);
int command_queue(int argc, char **argv);
int command_top(int argc, char **argv);
int command_doctor(int argc, char **argv);
int command_config(int argc, char **argv);
int command_key(int argc, char **argv);
int command_graph(int argc, char **argv);

/* Of `sluice graph`. */
int command_graph_check(int argc, char **argv);
int command_graph_draw(int argc, char **argv);
int command_graph_run(int argc, char **argv);

#endif
