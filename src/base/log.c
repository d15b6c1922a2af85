/*
 * A line is made whole on the stack and leaves by one write(), so lines of several threads never mix. The rate limit keeps one
 * window for each (module, event) that spoke lately; when there are more than fit, the oldest window makes room.
 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/now.h"
#include "base/str.h"

#define LOG_BURST   100                  /* lines of one module and event … */
#define LOG_WINDOW  5                    /* … in so many seconds */
#define LOG_WINDOWS 64                   /* pairs of module and event that are told apart */
#define NAME_LEN    32
#define TEXT_LEN    2048                 /* before escaping; what is longer is cut */
#define LINE_LEN    (4 * TEXT_LEN + 16)  /* every byte may become \xNN */

struct window {
	char           module[NAME_LEN], event[NAME_LEN];   /* "" when unused */
	enum log_level level;
	struct mono    from;
	uint64_t       serial;       /* grows from one window to the next; 0 when unused */
	unsigned       n_lines;      /* said in this window */
	unsigned       n_dropped;    /* not said */
};

static atomic_int least_grave = LOG_LEVEL_INFO;
static pthread_mutex_t windows_lock = PTHREAD_MUTEX_INITIALIZER;
static struct window windows[LOG_WINDOWS];
static uint64_t n_windows_opened;
static unsigned n_windows_dropping;      /* windows with n_dropped > 0 */

void log_set_level(enum log_level level)
{
	atomic_store(&least_grave, (int)level);
}

static bool is_control(const char *p, size_t left)
{
	uint8_t b = (uint8_t)p[0];

	/* U+0080 to U+009F are controls too: terminals obey some of them. */
	return b < 0x20 || b == 0x7f || (b == 0xc2 && left > 1 && (uint8_t)p[1] < 0xa0);
}

static size_t escape(const char *text, size_t len, char *out)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0, i = 0;

	while (i < len) {
		size_t step = str_utf8_len((struct str){ text + i, len - i });
		bool plain = step != 0 && !is_control(text + i, len - i);

		if (step == 0)
			step = 1;
		for (size_t k = i; k < i + step; k++) {
			uint8_t b = (uint8_t)text[k];

			if (plain) {
				out[n++] = text[k];
				continue;
			}
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = hex[b >> 4];
			out[n++] = hex[b & 15];
		}
		i += step;
	}
	return n;
}

static void write_all(const char *p, size_t len)
{
	while (len != 0) {
		ssize_t n = write(STDERR_FILENO, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;     /* there is nobody to tell */
		p += n;
		len -= (size_t)n;
	}
}

/* Borrows the finished text; cuts it to whole characters when it is too long. */
static void emit(enum log_level level, const char *text, size_t len)
{
	char line[LINE_LEN];
	size_t n = 0;

	if (len >= TEXT_LEN) {
		len = TEXT_LEN - 1;
		while (len > TEXT_LEN - 4 && ((uint8_t)text[len] & 0xc0) == 0x80)
			len--;
	}
	if (isatty(STDERR_FILENO) == 0) {
		line[n++] = '<';
		line[n++] = (char)('0' + level);
		line[n++] = '>';
	}
	n += escape(text, len, line + n);
	line[n++] = '\n';
	write_all(line, n);
}

PRINTF_LIKE(4, 0)
static void emit_line(enum log_level level, const char *module, const char *event, const char *fmt, va_list ap)
{
	char text[TEXT_LEN + 1];
	int head = snprintf(text, sizeof(text), "%s: %s", module, event);

	if (head < 0)
		return;

	size_t n = (size_t)head < sizeof(text) ? (size_t)head : sizeof(text) - 1;

	if (fmt[0] != '\0' && n + 1 < sizeof(text)) {
		text[n++] = ' ';

		int more = vsnprintf(text + n, sizeof(text) - n, fmt, ap);

		n += more < 0 ? 0 : (size_t)more;
	}
	emit(level, text, n < sizeof(text) ? n : sizeof(text) - 1);
}

PRINTF_LIKE(4, 5)
static void emit_plain(enum log_level level, const char *module, const char *event, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit_line(level, module, event, fmt, ap);
	va_end(ap);
}

static bool is_over(const struct window *w, struct mono now)
{
	return now.ms - w->from.ms >= LOG_WINDOW * MS_PER_S;
}

static void close_window(struct window *w)
{
	if (w->n_dropped != 0) {
		emit_plain(w->level, w->module, "suppressed", "event=%s lines=%u", w->event, w->n_dropped);
		n_windows_dropping--;
	}
	*w = (struct window){ 0 };
}

static struct window *window_of(const char *module, const char *event)
{
	struct window *oldest = &windows[0];

	for (size_t i = 0; i < LOG_WINDOWS; i++) {
		struct window *w = &windows[i];

		if (strncmp(w->event, event, NAME_LEN - 1) == 0 && strncmp(w->module, module, NAME_LEN - 1) == 0)
			return w;
		if (w->serial < oldest->serial)
			oldest = w;
	}
	close_window(oldest);
	return oldest;
}

/* May this line be said? Tells first what windows that are over have swallowed. */
static bool admit(enum log_level level, const char *module, const char *event)
{
	struct mono now = mono_now();
	bool yes;

	pthread_mutex_lock(&windows_lock);
	for (size_t i = 0; n_windows_dropping != 0 && i < LOG_WINDOWS; i++) {
		if (windows[i].n_dropped != 0 && is_over(&windows[i], now))
			close_window(&windows[i]);
	}

	struct window *w = window_of(module, event);

	if (w->n_lines == 0 || is_over(w, now)) {
		*w = (struct window){ .level = level, .from = now, .serial = ++n_windows_opened };
		(void)snprintf(w->module, sizeof(w->module), "%s", module);
		(void)snprintf(w->event, sizeof(w->event), "%s", event);
	}
	yes = w->n_lines < LOG_BURST;
	if (yes)
		w->n_lines++;
	else if (w->n_dropped++ == 0)
		n_windows_dropping++;
	pthread_mutex_unlock(&windows_lock);
	return yes;
}

void log_line(enum log_level level, const char *module, const char *event, const char *fmt, ...)
{
	va_list ap;

	if ((int)level > atomic_load(&least_grave) || !admit(level, module, event))
		return;
	va_start(ap, fmt);
	emit_line(level, module, event, fmt, ap);
	va_end(ap);
}

void log_always(enum log_level level, const char *module, const char *event, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit_line(level, module, event, fmt, ap);
	va_end(ap);
}
