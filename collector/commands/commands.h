/* The commands of `edutally` (design §5): each reads its own options, explains itself with --help, and returns the exit
 * code. */
#ifndef EDUTALLY_COMMANDS_COMMANDS_H
#define EDUTALLY_COMMANDS_COMMANDS_H

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 3 };

/* argv[0] is the command's name. */
int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_ingest(int argc, char **argv);
int command_report(int argc, char **argv);
int command_export(int argc, char **argv);
int command_rejected(int argc, char **argv);
int command_journal(int argc, char **argv);
int command_token(int argc, char **argv);
int command_version(int argc, char **argv);

#endif
