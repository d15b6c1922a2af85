/*
 * The words of the texts, one table a language. In the sentences {t} stands for the ticket, {m} for the metric with its article
 * where the language wants one, {n} for the metric's bare name, {s} for what the step says of the daemon, {d} for the time left or overdue, {q} for "quedan" or "queda", {Q} for the
 * same with a capital.
 */
#ifndef PLAZO_NOTIFY_PHRASES_H
#define PLAZO_NOTIFY_PHRASES_H

#include "core/alert.h"
#include "notify/text.h"

/* A piece of an alert's reason, which the engine says in English, and what stands for it in the language. */
struct reason_words { const char *english, *words; };

struct metric_words { const char *metric, *name, *with_article; };

#define PHRASES_N_METRICS 6

struct phrases {
	const char         *subject[ALERT_N_TYPES];
	const char         *headline[ALERT_N_TYPES];
	const char         *cleared_late;             /* the headline of a clock that stopped after its due time */
	const char         *cleared_uncounted;        /* of one that was waived or cancelled */
	struct metric_words metrics[PHRASES_N_METRICS];
	const char         *due, *target, *used, *priority, *contract, *step, *why, *late, *open, *details, *footer;
	const char         *day, *days, *same_day;    /* of a target in business days: of 1, of several, of 0 */
	const char         *eod;                      /* behind it: close of business */
	const char         *weekdays[7], *months[12];
	const char         *left_one, *left_many;
	const struct reason_words *reasons;           /* ends with NULLs; the first that fits at a place holds */
	const struct reason_words *steps;             /* likewise: of daemon.stream and daemon.store */
};

extern const struct phrases phrases[TEXT_N_LANGUAGES];

#endif
