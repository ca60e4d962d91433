/* Private to lib/conf: a file's tree over the defaults. */
#ifndef SLUICE_CONF_READ_H
#define SLUICE_CONF_READ_H

#include "conf/rows.h"

/* Every row's default into the zeroed owner; the empty text where one must be given. */
void conf_set_defaults(struct conf_rows rows, void *owner);
/* One more item with its defaults, in the table's list. Borrowed; moves with the next one. */
void *conf_add_item(struct conf *conf, const struct conf_table *table);
MUST_USE int conf_read_tree(struct conf *conf, const struct tree *tree, struct err *err);

#endif
