/* Private to lib/graphs: where the bytes of a text's value stand in the file. */
#ifndef SLUICE_GRAPHS_PLACE_H
#define SLUICE_GRAPHS_PLACE_H

#include "conf/yaml.h"

/* A walk along a text, in the file and in its value; goes on where it was when the next place is
 * behind it in the same text. */
struct walk {
    struct span file;
    size_t at; /* the next byte of the file */
    struct mark mark;
    const struct node *text;
    size_t offset; /* in its value */
    char style;    /* | > " ' or p (plain) */
    size_t indent; /* of a block's lines */
};

struct mark place_in(struct walk *walk, const struct node *text, size_t offset);

#endif
