#include "base/json_member.h"

void json_put_instant(struct json_out *o, const char *key, struct wall t)
{
	char text[WALL_TEXT_LEN];
	bool known = !wall_before(t, WALL_MIN) && wall_before(t, WALL_MAX);

	json_put_name(o, key);
	json_put_z(o, known ? wall_format(t, text) : NULL);
}

void json_put_text(struct json_out *o, const char *key, struct str s)
{
	json_put_name(o, key);
	if (s.len > 0)
		json_put_str(o, s);
	else
		json_put_null(o);
}

void json_put_number(struct json_out *o, const char *key, int64_t v)
{
	json_put_name(o, key);
	json_put_i64(o, v);
}

void json_put_flag(struct json_out *o, const char *key, bool v)
{
	json_put_name(o, key);
	json_put_bool(o, v);
}

void json_put_seconds(struct json_out *o, const char *key, int64_t ms)
{
	uint64_t abs = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
	unsigned fraction = (unsigned)(abs % 1000);

	json_put_name(o, key);
	json_put_raw(o, ms < 0 ? STR("-") : STR(""));
	buf_put_decimal(o->b, (int64_t)(abs / 1000));
	if (fraction == 0)
		return;
	buf_putc(o->b, '.');
	for (unsigned scale = 100; fraction != 0; fraction %= scale, scale /= 10)
		buf_putc(o->b, (char)('0' + fraction / scale));
}
