/*
 * One line is one fact: "<6>store: opened path=/var/lib/plazo/plazo.db rows=12". The number is the journal's priority, left out
 * on a terminal. Control characters in the finished line are escaped, so no input makes two records of one. Lines of the same
 * module and event past LOG_BURST in LOG_WINDOW seconds are counted and told in one line. Secrets are the caller's care.
 * Thread-safe.
 */
#ifndef PLAZO_BASE_LOG_H
#define PLAZO_BASE_LOG_H

#include "base/attr.h"

enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_NOTICE = 5, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* What is less grave than `level` is dropped. Without a call: INFO. */
void log_set_level(enum log_level level);

void log_line(enum log_level level, const char *module, const char *event, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The same without level and limit of rate: for a line that is itself the delivery of something, as the `log` receiver's. */
void log_always(enum log_level level, const char *module, const char *event, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* error: someone must act. warn: degraded. notice, info: lifecycle. debug: per event. `fmt` is "key=value key=value"; may be "". */
#define log_error(module, event, ...)  log_line(LOG_LEVEL_ERROR, module, event, __VA_ARGS__)
#define log_warn(module, event, ...)   log_line(LOG_LEVEL_WARN, module, event, __VA_ARGS__)
#define log_notice(module, event, ...) log_line(LOG_LEVEL_NOTICE, module, event, __VA_ARGS__)
#define log_info(module, event, ...)   log_line(LOG_LEVEL_INFO, module, event, __VA_ARGS__)
#define log_debug(module, event, ...)  log_line(LOG_LEVEL_DEBUG, module, event, __VA_ARGS__)

#endif
