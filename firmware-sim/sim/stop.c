/* A flag is all that a signal handler may touch; the loops look at it many times a second. */
#include "stop.h"

#include <stddef.h>

volatile sig_atomic_t stop_requested;

static void request_stop(int signal_number)
{
    (void)signal_number;
    stop_requested = 1;
}

void stop_listen(void)
{
    struct sigaction action = {.sa_handler = request_stop};

    action.sa_flags = (int)SA_RESETHAND;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}
