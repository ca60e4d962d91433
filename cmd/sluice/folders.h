/* Where `sluice run` keeps its state and finds its programs. */
#ifndef SLUICE_CMD_FOLDERS_H
#define SLUICE_CMD_FOLDERS_H

/* The variable's value; `otherwise` when it is unset or empty. */
const char *environment_or(const char *name, const char *otherwise);

int folder_make(const char *path); /* every folder of an absolute path; 0 or errno */
/* Claims the folder for this process and its children, which inherit the lock: it is free again
 * when the last of them has ended. Waits a moment for those of a run that was killed. The
 * descriptor, or -errno (-EWOULDBLOCK: somebody else has it). */
int folder_claim(const char *path);
char *folder_of_state(void);    /* SLUICE_HOME, else the user's state folder; absolute, owned */
char *folder_of_programs(void); /* where this program lies; owned */

#endif
