/* SIGINT and SIGTERM ask for a clean end. The one global of the program. */
#ifndef SIM_STOP_H
#define SIM_STOP_H

#include <signal.h>

extern volatile sig_atomic_t stop_requested;

/* From now on both signals set stop_requested; a second one ends the process at once. */
void stop_listen(void);

#endif
