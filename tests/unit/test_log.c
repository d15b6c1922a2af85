/* What reaches stderr, read back through a pipe. */
#include "../cmocka_plazo.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

static int saved_stderr, pipe_out;
static char got[1 << 20];

static void catch_stderr(void)
{
	int ends[2];

	fflush(stderr);
	assert_int_equal(pipe(ends), 0);
	(void)fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
	saved_stderr = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	pipe_out = ends[0];
}

/* Gives back stderr; what was written to it is in `got`. */
static const char *release_stderr(void)
{
	size_t n = 0;
	ssize_t k;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	while ((k = read(pipe_out, got + n, sizeof(got) - 1 - n)) > 0)
		n += (size_t)k;
	close(pipe_out);
	got[n] = '\0';
	return got;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void one_line_one_fact(void **state)
{
	(void)state;
	catch_stderr();
	log_info("store", "opened", "path=%s rows=%d", "/x", 12);
	log_error("store", "failed", "%s", "");
	log_line(LOG_LEVEL_WARN, "a", "b", "k=%d", 1);
	log_debug("store", "hidden", "x=%d", 1);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("store", "seen", "x=%d", 1);
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("store", "hidden", "x=%d", 1);
	log_always(LOG_LEVEL_NOTICE, "alert", "breach", "t=%d", 2);
	log_set_level(LOG_LEVEL_INFO);
	assert_string_equal(release_stderr(),
			    "<6>store: opened path=/x rows=12\n<3>store: failed \n<4>a: b k=1\n<7>store: seen x=1\n<5>alert: breach t=2\n");
}

static void nothing_makes_two_records(void **state)
{
	(void)state;
	catch_stderr();
	log_info("web", "refused", "path=%s", "/a\n<3>forged: line\r\t\x1b[31m\x7f caf\xc3\xa9 \xc2\x9b" "31m \xff");
	assert_string_equal(release_stderr(), "<6>web: refused path=/a\\x0a<3>forged: line\\x0d\\x09\\x1b[31m\\x7f caf\xc3\xa9 "
			    "\\xc2\\x9b31m \\xff\n");
}

static void long_lines_are_cut_between_characters(void **state)
{
	(void)state;
	char text[6001];
	const char *line;

	for (size_t shift = 0; shift < 3; shift++) {
		memset(text, 'x', shift);
		for (size_t i = shift; i + 3 <= 6000; i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		text[5998] = '\0';
		catch_stderr();
		log_info("web", "long", "t=%s", text);
		line = release_stderr();
		assert_int_equal(count_lines(line), 1);
		assert_true(str_is_utf8(str_of(line)));
		assert_null(strstr(line, "\\x"));
		assert_true(strlen(line) > 1500 && strlen(line) < 2200);
	}
}

static void floods_are_counted(void **state)
{
	(void)state;
	catch_stderr();
	for (int i = 0; i < 5000; i++)
		log_info("flood", "same", "i=%d", i);
	log_info("flood", "other", "i=%d", 1);
	for (int i = 0; i < 300; i++)
		log_always(LOG_LEVEL_INFO, "flood", "same", "i=%d", i);
	(void)release_stderr();

	size_t n = count_lines(got);

	assert_non_null(strstr(got, "flood: other i=1\n"));
	assert_true(n >= 102 + 300 - 1 && n < 1000);

	/* Seventy other pairs push the window out, which tells what it swallowed. */
	catch_stderr();
	for (int i = 0; i < 70; i++) {
		char event[20];

		snprintf(event, sizeof(event), "e%d", i);
		log_info("push", event, "i=%d", i);
	}
	assert_non_null(strstr(release_stderr(), "flood: suppressed event=same lines=4900\n"));
	assert_int_equal(count_lines(got), 71);
}

static void *chatter(void *arg)
{
	char event[8];

	snprintf(event, sizeof(event), "t%d", *(int *)arg);
	for (int i = 0; i < 90; i++)
		log_info("thread", event, "%s", "0123456789012345678901234567890123456789012345678901234567890123456789");
	return NULL;
}

static void threads_do_not_mix(void **state)
{
	(void)state;
	pthread_t threads[4];
	int ids[4] = { 0, 1, 2, 3 };
	size_t n = 0;

	catch_stderr();
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, chatter, &ids[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (char *line = strtok((char *)(uintptr_t)release_stderr(), "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (strncmp(line, "<6>thread: t", 12) != 0)
			continue;
		assert_int_equal(strlen(line), 14 + 70);
		n++;
	}
	assert_int_equal(n, 360);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_one_fact),
		cmocka_unit_test(nothing_makes_two_records),
		cmocka_unit_test(long_lines_are_cut_between_characters),
		cmocka_unit_test(floods_are_counted),
		cmocka_unit_test(threads_do_not_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
