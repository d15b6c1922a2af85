/* The database on its way to whoever asked for a copy: made by the store, then sent as fast as it is taken. */
#ifndef PLAZO_SRC_DAEMON_BACKUP_H
#define PLAZO_SRC_DAEMON_BACKUP_H

struct daemon;
struct backup_job;

struct backup {
	struct backup_job *job;      /* under way; NULL: none */
};

/* Sends what there is room for; lets go of who has gone, or takes nothing for a minute, or when the daemon stops. */
void backup_turn(struct daemon *d);
void backup_finish(struct backup *b);

#endif
