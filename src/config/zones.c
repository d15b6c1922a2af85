/* Zones by name from the system's TZif files: one of each name per config. */
#include "load.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/siphash.h"
#include "base/xalloc.h"
#include "zones.h"

#define TZDATA_MAX (1u << 20)       /* tzdata.zi has some 110 KiB */

static const char *zone_dir(const struct load *l)
{
	const char *env = getenv("TZDIR");

	if (l->opt->zoneinfo_dir != NULL)
		return l->opt->zoneinfo_dir;
	return env != NULL && *env == '/' ? env : "/usr/share/zoneinfo";
}

/* A name cannot lead out of the directory, nor into the copies with leap seconds. */
static bool is_zone_name(struct str s)
{
	if (s.len == 0 || s.len > CONFIG_MAX_NAME || s.p[0] == '/' || s.p[s.len - 1] == '/')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!isalnum((unsigned char)s.p[i]) && strchr("_+-/", s.p[i]) == NULL)
			return false;
	}
	return !str_starts(s, STR("right/")) && !str_starts(s, STR("posix/")) && memmem(s.p, s.len, "//", 2) == NULL;
}

static bool read_tzdata(const struct load *l, struct arena *a, struct str *out)
{
	return load_file(a, zone_dir(l), "tzdata.zi", TZDATA_MAX, out) == ERR_OK;
}

/* "# version 2025b" */
const char *zones_version(struct load *l)
{
	struct arena *a = arena_create();
	const char *version = "unknown";
	struct str text, line;

	if (read_tzdata(l, a, &text) && str_starts(text, STR("# version "))) {
		str_cut(&text, '\n', &line);
		version = arena_str(l->arena, (struct str){ line.p + 10, line.len - 10 }).p;
	}
	/* The file is larger than all else that a small configuration has. */
	arena_destroy(a);
	return version;
}

/* Names stand in tzdata.zi as "Z NAME …" and "L TARGET NAME". */
static const char *hint(struct load *l, struct str name)
{
	struct str text, line, word, rest;
	const char **names = arena_array(l->arena, 1000, sizeof(char *));
	size_t n = 0;

	if (!read_tzdata(l, l->arena, &text))
		return "";
	while (n < 1000 && text.len > 0) {
		str_cut(&text, '\n', &line);
		rest = line;
		str_cut(&rest, ' ', &word);
		bool is_zone = str_eqz(word, "Z"), is_link = str_eqz(word, "L");

		if (!is_zone && !is_link)
			continue;
		str_cut(&rest, ' ', &word);
		if (is_link)
			word = rest;
		names[n++] = arena_str(l->arena, word).p;
	}
	const char *near = load_hint_of(l, name, names, n);

	if (*near != '\0')
		return near;
	/* "Madrid" and "madrid": the last part is what people remember. */
	for (size_t i = 0; i < n; i++) {
		const char *slash = strrchr(names[i], '/');

		if (slash != NULL && str_eq_nocase(str_of(slash + 1), name))
			return arena_printf(l->arena, ", did you mean '%s'?", names[i]);
	}
	return "";
}

static const struct zone *keep(struct load *l, struct zone *z, struct str tzif)
{
	struct whole *w = l->whole;
	uint64_t name = siphash64((struct sipkey){ 1, 2 }, zone_name(z), strlen(zone_name(z)));

	w->zones = xreallocarray(w->zones, w->n_zones + 1, sizeof *w->zones);
	w->zones[w->n_zones++] = (struct whole_zone){ z, tzif, siphash64((struct sipkey){ name, 3 }, tzif.p, tzif.len) };
	return z;
}

uint64_t zones_digest(const struct whole *w, const struct zone *z)
{
	for (size_t i = 0; i < w->n_zones; i++) {
		if (w->zones[i].zone == z)
			return w->zones[i].digest;
	}
	return 0;
}

static bool is_used(const struct whole *w, const struct zone *z)
{
	for (size_t i = 0; i < w->n_calendars; i++) {
		if (calendar_zone(w->calendars[i]) == z)
			return true;
	}
	return false;
}

/* ---- zones of a revision ---- */

#define GIVEN "# zone "

void zones_write(const struct whole *w, struct buf *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < w->n_zones; i++) {
		struct str tzif = w->zones[i].tzif;

		/* UTC has no file. */
		if (tzif.len == 0 || !is_used(w, w->zones[i].zone))
			continue;
		buf_printf(out, GIVEN "%s ", zone_name(w->zones[i].zone));
		for (size_t k = 0; k < tzif.len; k++) {
			buf_putc(out, hex[(unsigned char)tzif.p[k] >> 4]);
			buf_putc(out, hex[tzif.p[k] & 15]);
		}
		buf_putc(out, '\n');
	}
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(struct arena *a, struct str hex, struct str *out)
{
	char *p = arena_alloc(a, hex.len / 2 + 1);

	for (size_t i = 0; i + 1 < hex.len; i += 2) {
		int high = digit(hex.p[i]), low = digit(hex.p[i + 1]);

		if (high < 0 || low < 0)
			return false;
		p[i / 2] = (char)(high << 4 | low);
	}
	*out = (struct str){ p, hex.len / 2 };
	return hex.len % 2 == 0;
}

/* What a revision brought along is what held at its time. ERR_ABSENT where it has no such zone. */
static enum err read_given(struct load *l, struct str name, struct str *out)
{
	struct str rest = l->given, line, word;

	while (str_starts(rest, STR("#"))) {
		str_cut(&rest, '\n', &line);
		if (!str_starts(line, STR(GIVEN)))
			continue;
		line = (struct str){ line.p + sizeof(GIVEN) - 1, line.len - (sizeof(GIVEN) - 1) };
		str_cut(&line, ' ', &word);
		if (str_eq(word, name))
			return from_hex(l->arena, line, out) ? ERR_OK : ERR_ABSENT;
	}
	return ERR_ABSENT;
}

static enum err read_zone(struct load *l, struct str name, struct str *out)
{
	if (read_given(l, name, out) == ERR_OK)
		return ERR_OK;
	return is_zone_name(name) ? load_file(l->arena, zone_dir(l), name.p, ZONE_MAX_FILE, out) : ERR_ABSENT;
}

/* ---- by name ---- */

const struct zone *zone_load(struct load *l, struct node *n)
{
	struct diag d = { 0, 0, "" };
	struct str tzif;
	struct zone *z = NULL;

	if (n == NULL || n->bad || n->kind != NODE_SCALAR)
		return NULL;
	for (size_t i = 0; i < l->whole->n_zones; i++) {
		if (str_eqz(n->text, zone_name(l->whole->zones[i].zone)))
			return l->whole->zones[i].zone;
	}
	if (str_eqz(n->text, "UTC"))
		return keep(l, zone_create_utc(), (struct str){ NULL, 0 });
	enum err e = read_zone(l, n->text, &tzif);

	/* Reading a directory such as "Europe" is an error of the system. */
	if (e == ERR_ABSENT || (e == ERR_IO && errno == EISDIR)) {
		load_error(l, n, "there is no time zone '" STR_FMT "'%s", STR_ARG(n->text), hint(l, n->text));
	} else if (e != ERR_OK) {
		load_error(l, n, "time zone '" STR_FMT "' cannot be read: %s", STR_ARG(n->text),
			   e == ERR_LIMIT ? "too large" : strerror(errno));
	} else if (zone_parse(n->text, tzif, &z, &d) != ERR_OK) {
		load_error(l, n, "time zone '" STR_FMT "': %s", STR_ARG(n->text), d.msg);
	} else {
		return keep(l, z, tzif);
	}
	return NULL;
}
