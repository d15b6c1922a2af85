/* A redis-server of a test's own, on a unix socket in a directory of its own, and a plain hiredis connection to it. */
#ifndef PLAZO_TESTS_REDIS_SERVER_H
#define PLAZO_TESTS_REDIS_SERVER_H

#include "cmocka_plazo.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

struct redis_server {
	char          dir[64], path[96];
	pid_t         pid;
	redisContext *c;
};

/* The one of this machine, or the one that tests/system/servers unpacked. */
static inline const char *redis_program(void)
{
	if (access("/usr/bin/redis-server", X_OK) == 0)
		return "/usr/bin/redis-server";
	setenv("LD_LIBRARY_PATH", "build/servers/usr/lib/x86_64-linux-gnu", 0);
	return "build/servers/usr/bin/redis-server";
}

static inline void redis_start(struct redis_server *r)
{
	char log[128];

	if (r->dir[0] == '\0') {
		snprintf(r->dir, sizeof r->dir, "/tmp/plazo-redis-XXXXXX");
		assert_non_null(mkdtemp(r->dir));
		snprintf(r->path, sizeof r->path, "%s/s", r->dir);
	}
	snprintf(log, sizeof log, "%s/log", r->dir);
	r->pid = fork();
	assert_true(r->pid >= 0);
	if (r->pid == 0) {
		/* A test that fails in its teardown, or dies, must not leave it behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(redis_program(), "redis-server", "--port", "0", "--unixsocket", r->path, "--dir", r->dir, "--save", "",
		       "--appendonly", "yes", "--appendfsync", "no", "--logfile", log, "--daemonize", "no", (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 3000; i++) {
		redisReply *pong;
		bool up;

		usleep(10000);
		r->c = redisConnectUnix(r->path);
		if (r->c == NULL || r->c->err != 0) {
			redisFree(r->c);
			r->c = NULL;
			continue;
		}
		pong = redisCommand(r->c, "PING");
		up = pong != NULL && pong->type == REDIS_REPLY_STATUS;
		freeReplyObject(pong);
		if (up)
			return;
		redisFree(r->c);
		r->c = NULL;
	}
	fail_msg("redis-server does not start");
}

static inline void redis_kill(struct redis_server *r)
{
	if (r->c != NULL)
		redisFree(r->c);
	r->c = NULL;
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
	}
	r->pid = 0;
}

static inline void redis_finish(struct redis_server *r)
{
	char command[96];

	redis_kill(r);
	snprintf(command, sizeof command, "rm -rf %s", r->dir);
	if (r->dir[0] != '\0')
		assert_int_equal(system(command), 0);
}

/* The integer that a command answers, or the length of its text or array; its errors fail the test. */
static inline long long redis_do(struct redis_server *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline long long redis_do(struct redis_server *r, const char *fmt, ...)
{
	va_list ap;
	redisReply *reply;
	long long n;

	va_start(ap, fmt);
	reply = redisvCommand(r->c, fmt, ap);
	va_end(ap);
	assert_non_null(reply);
	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("redis: %s", reply->str);
	n = reply->type == REDIS_REPLY_INTEGER ? reply->integer : reply->type == REDIS_REPLY_ARRAY ? (long long)reply->elements
		: (long long)reply->len;
	freeReplyObject(reply);
	return n;
}

#endif
