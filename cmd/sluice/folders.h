/* Where `sluice run` keeps its state and finds its programs. */
#ifndef SLUICE_CMD_FOLDERS_H
#define SLUICE_CMD_FOLDERS_H

/* The variable's value; `otherwise` when it is unset or empty. */
const char *environment_or(const char *name, const char *otherwise);

int folder_make(const char *path); /* every folder of an absolute path; 0 or errno */
char *folder_of_state(void);       /* SLUICE_HOME, else the user's state folder; absolute, owned */
char *folder_of_programs(void);    /* where this program lies; owned */

#endif
