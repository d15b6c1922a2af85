/* The JSON reader: what it takes, it writes again, and reads back to the same value; what it says of a text holds together. */
#include "fuzz.h"

#include <string.h>

#include "base/json.h"
#include "base/xalloc.h"

static void write_value(const struct json_doc *d, json_node n, struct json_out *o);

static void write_members(const struct json_doc *d, json_node n, struct json_out *o)
{
	uint32_t count = 0;

	for (json_node c = json_first(d, n); c != JSON_ABSENT; c = json_next(d, c), count++) {
		struct str key = json_key(d, c);

		if (json_kind(d, n) == JSON_OBJECT) {
			char *z = xstrndup(key.p, key.len);

			HOLDS(strlen(z) == key.len);    /* no NUL in strings */
			HOLDS(json_get(d, n, key) == c);
			json_put_key(o, z);
			free(z);
		}
		write_value(d, c, o);
	}
	HOLDS(count == json_count(d, n));
}

static void write_value(const struct json_doc *d, json_node n, struct json_out *o)
{
	switch (json_kind(d, n)) {
	case JSON_NULL: json_put_null(o); break;
	case JSON_FALSE: case JSON_TRUE: json_put_bool(o, json_kind(d, n) == JSON_TRUE); break;
	case JSON_NUMBER: json_put_raw(o, json_text(d, n)); break;
	case JSON_STRING:
		HOLDS(str_is_utf8(json_text(d, n)));
		json_put_str(o, json_text(d, n));
		break;
	case JSON_ARRAY:
		json_begin_array(o);
		write_members(d, n, o);
		json_end_array(o);
		break;
	case JSON_OBJECT:
		json_begin_object(o);
		write_members(d, n, o);
		json_end_object(o);
		break;
	}
}

static void same_value(const struct json_doc *a, json_node m, const struct json_doc *b, json_node n)
{
	HOLDS(json_kind(a, m) == json_kind(b, n));
	HOLDS(str_eq(json_text(a, m), json_text(b, n)));
	HOLDS(json_count(a, m) == json_count(b, n));
	for (m = json_first(a, m), n = json_first(b, n); m != JSON_ABSENT; m = json_next(a, m), n = json_next(b, n)) {
		HOLDS(n != JSON_ABSENT && str_eq(json_key(a, m), json_key(b, n)));
		same_value(a, m, b, n);
	}
	HOLDS(n == JSON_ABSENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json_doc *first, *second;
	struct str text = { (const char *)data, size };
	struct diag why = { 0 };
	struct json_out o;
	struct buf b;

	if (first == NULL) {
		first = json_create();
		second = json_create();
	}
	if (json_parse(first, text, &why) != ERR_OK) {
		HOLDS(why.msg[0] != '\0' && why.line > 0 && why.col > 0);
		return 0;
	}
	HOLDS(str_eq(json_raw(first, 0), json_text(first, 0)) || json_raw(first, 0).len > 0);
	buf_init(&b, BUF_NO_MAX);
	o = json_out(&b);
	write_value(first, 0, &o);
	HOLDS(json_parse(second, buf_str(&b), &why) == ERR_OK);
	same_value(first, 0, second, 0);
	buf_finish(&b);
	return 0;
}
