/*
 * libedutally_faults.so: loaded with LD_PRELOAD in front of a program, it stands between the program and its files. It
 * counts the system calls that change files below one directory, and at the n-th it lets the process die, or the call
 * fail; and it records all of them, so that a test can rebuild what a disk may look like after power loss.
 *
 * Counted, each under one lock and so in one order for all threads: write, writev, pwrite, fsync, fdatasync, ftruncate,
 * rename, unlink, rmdir, mkdir, and open where it makes a file (`create`). What the file is comes from
 * /proc/self/fd, so descriptors may be duplicated and files renamed as the program likes. Not seen: what glibc does
 * inside of itself (stdio) and memory maps; a test that records compares the rebuilt files with the real ones and so
 * notices. Loading it changes nothing else.
 *
 * All control is by environment variables. A value that cannot be understood, or a record that cannot be written, ends
 * the process with code 125.
 *
 *   EDUTALLY_FAULTS_DIR     only files below this directory count (absolute, without symbolic links); required
 *   EDUTALLY_FAULTS_CALLS   only these calls count and fail: names as above, separated by commas
 *   EDUTALLY_FAULTS_MATCH   only files count whose path holds this text
 *   EDUTALLY_FAULTS_SWITCH  calls count only while this file exists
 *   EDUTALLY_FAULTS_DIE     "N before|middle|after": SIGKILL at the N-th call that counts, from 1; in the middle means
 *                           after half of the bytes (of a call that writes none: before it)
 *   EDUTALLY_FAULTS_FAIL    "N TIMES EIO|ENOSPC|EINTR|SHORT": the N-th call and TIMES - 1 after it fail and do nothing;
 *                           TIMES 0: all from then on. SHORT: half of the bytes (at least one) are written, and
 *                           calls that write none do not fail.
 *   EDUTALLY_FAULTS_LOG     a file to append a line "N CALL PATH" to for each call that counts
 *   EDUTALLY_FAULTS_RECORD  a file to append a struct faults_entry to for each call below DIR that was made, whether it
 *                           counts or not. Several processes, one after another, may append to the same file.
 */
#ifndef EDUTALLY_TESTS_FAULTS_H
#define EDUTALLY_TESTS_FAULTS_H

#include <stdint.h>

/* What follows it: `path_bytes` of path (of a rename: both, with a NUL in between), `data_bytes` of data. The numbers
 * are in the processor's order. Entries stand in the order in which the calls took effect. */
struct faults_entry {
    uint32_t type;  /* enum faults_type */
    uint32_t error; /* FAULTS_SYNC: errno if it failed: what was written before may be lost for good */
    uint64_t inode;
    int64_t offset; /* FAULTS_TRUNCATE: the new size */
    uint32_t path_bytes, data_bytes;
};

enum faults_type {
    FAULTS_WRITE = 'w',
    FAULTS_TRUNCATE = 't',
    FAULTS_SYNC = 's', /* of a file or of a directory */
    FAULTS_CREATE = 'c',
    FAULTS_RENAME = 'r',
    FAULTS_UNLINK = 'u',
    FAULTS_MKDIR = 'm',
    FAULTS_RMDIR = 'd',
    /* Bytes that hold "upto": go to a socket now: an end-to-end acknowledgement leaves the process. Data: all bytes of
     * the call. Written before they are sent, so whatever stands behind it had not happened for sure. */
    FAULTS_ACK = 'a'
};

#endif
