/* Alerts as the outbox keeps them: what is read is written again to the same bytes, and read again. */
#include "fuzz.h"

#include "core/alert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json_doc *d;
	struct str names[ALERT_MAX_RECEIVERS], again[ALERT_MAX_RECEIVERS];
	struct alert a, b;
	struct buf first, second;

	if (d == NULL)
		d = json_create();
	if (json_parse(d, (struct str){ (const char *)data, size }, NULL) != ERR_OK || alert_read(d, 0, names, &a) != ERR_OK)
		return 0;
	buf_init(&first, BUF_NO_MAX);
	buf_init(&second, BUF_NO_MAX);
	alert_write(&a, true, &first);
	HOLDS(json_parse(d, buf_str(&first), NULL) == ERR_OK && alert_read(d, 0, again, &b) == ERR_OK);
	HOLDS(a.type == b.type && a.at.ms == b.at.ms && a.due.ms == b.due.ms && a.n_receivers == b.n_receivers);
	HOLDS(a.elapsed_ms == b.elapsed_ms && a.remaining_ms == b.remaining_ms && a.late_ms == b.late_ms);
	alert_write(&b, true, &second);
	HOLDS(str_eq(buf_str(&first), buf_str(&second)));
	buf_finish(&first);
	buf_finish(&second);
	return 0;
}
