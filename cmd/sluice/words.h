/* Text of anybody's, for people: into a file or a pipe as it is; on a terminal its control
 * characters are shown as U+FFFD, so that nothing in it reaches the terminal as a command. */
#ifndef SLUICE_CMD_WORDS_H
#define SLUICE_CMD_WORDS_H

#include "base/span.h"

#include <stdio.h>

/* Whole characters of UTF-8. What cannot be written is seen by its reader, or by fflush. */
void words_print(FILE *to, struct span text);

#endif
