#include "media_type.h"

static bool is_utf8_or_nothing(struct str params)
{
	struct str rest = str_trim(params), key;

	if (rest.len == 0)
		return true;
	if (!str_cut(&rest, '=', &key) || !str_eq_nocase(str_trim(key), STR("charset")))
		return false;
	rest = str_trim(rest);
	return str_eq_nocase(rest, STR("utf-8")) || str_eq_nocase(rest, STR("\"utf-8\""));
}

bool media_type_cut(struct str value, struct str *type_out)
{
	struct str params = value, type;

	(void)str_cut(&params, ';', &type);
	*type_out = str_trim(type);
	return is_utf8_or_nothing(params);
}

bool media_type_is_json(struct str type)
{
	const struct str suffix = STR("+json");

	if (str_eq_nocase(type, STR("application/json")))
		return true;
	return type.len > suffix.len && str_eq_nocase((struct str){ type.p + type.len - suffix.len, suffix.len }, suffix);
}
