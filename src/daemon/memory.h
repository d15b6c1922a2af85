/* What becomes of the process when a library finds no memory. */
#ifndef PLAZO_SRC_DAEMON_MEMORY_H
#define PLAZO_SRC_DAEMON_MEMORY_H

/*
 * Gives libevent and OpenSSL our own allocation, which ends the process with a message. Before anything of either is called. SQLite, libcurl,
 * hiredis and libyaml say that memory is out, and are answered like a full disk, a receiver that is away, or a file that cannot be read.
 */
void memory_is_ours(void);

#endif
