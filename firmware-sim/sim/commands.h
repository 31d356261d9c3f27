/* The commands of edutally-sim. Each takes the arguments after its name and returns the process's exit code:
 * 0 done, 1 failed, 2 usage, 3 config. */
#ifndef SIM_COMMANDS_H
#define SIM_COMMANDS_H

int command_events(int argc, char **argv);
int command_truth(int argc, char **argv);
int command_run(int argc, char **argv);
int command_flood(int argc, char **argv);

#endif
