/* Calendars from their sections: windows sorted and checked, holidays of files turned into dates. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/siphash.h"
#include "base/xalloc.h"
#include "ical.h"
#include "model.h"
#include "scalar.h"
#include "zones.h"

#ifndef PLAZO_SHAREDIR
#define PLAZO_SHAREDIR "/usr/local/share/plazo"
#endif

static int by_start(const void *a, const void *b)
{
	const struct hours *x = a, *y = b;

	return x->from_s < y->from_s ? -1 : x->from_s > y->from_s;
}

static bool add_window(struct load *l, struct node *n, struct day_hours *day, struct hours *v)
{
	if (n->bad || n->kind != NODE_SCALAR)
		return false;
	struct hours h = scalar_window(n->text);

	if (day->n == CALENDAR_MAX_SPANS) {
		load_error(l, n, "more than %d windows in a day", CALENDAR_MAX_SPANS);
		return false;
	}
	for (size_t i = 0; i < day->n; i++) {
		if (h.from_s < v[i].to_s && v[i].from_s < h.to_s) {
			load_error(l, n, "the window " STR_FMT " overlaps another one of that day", STR_ARG(n->text));
			return false;
		}
	}
	if (h.to_s % 86400 == 86340)
		load_warn(l, n, STR_FMT " closes a minute before midnight: 24:00 is the end of the day", STR_ARG(n->text));
	v[day->n++] = h;
	return true;
}

static struct day_hours windows_build(struct load *l, struct node *n)
{
	struct hours *v = arena_array(l->arena, CALENDAR_MAX_SPANS, sizeof *v);
	struct day_hours day = { v, 0 };

	if (n->bad)
		return day;
	if (n->kind == NODE_SCALAR)
		add_window(l, n, &day, v);
	for (struct node *c = n->first; c != NULL; c = c->next)
		add_window(l, c, &day, v);
	qsort(v, day.n, sizeof *v, by_start);
	return day;
}

static void week_build(struct load *l, struct node *hours, struct calendar_spec *spec)
{
	static const struct hours all_day = { 0, 86400 };
	unsigned seen = 0;

	if (hours == NULL)
		return;
	if (hours->kind == NODE_SCALAR) {
		for (int i = 0; i < 7; i++)
			spec->week[i] = (struct day_hours){ &all_day, 1 };
		return;
	}
	for (struct node *c = hours->first; c != NULL; c = c->next) {
		unsigned days = c->bad ? 0 : scalar_days(c->key);

		if (seen & days)
			load_error_key(l, c, "hours: '" STR_FMT "' names a day that has its hours already", STR_ARG(c->key));
		struct day_hours windows = windows_build(l, c);

		for (int i = 0; i < 7; i++) {
			if (days & ~seen & 1u << i)
				spec->week[i] = windows;
		}
		seen |= days;
	}
}

/* ---- holidays ---- */

static const char *share_dir(const struct load *l)
{
	return l->opt->share_dir != NULL ? l->opt->share_dir : PLAZO_SHAREDIR;
}

static enum err read_ics(struct load *l, const char *name, struct str *out)
{
	const char *const dirs[] = { l->dir, "/etc/plazo/calendars", arena_printf(l->arena, "%s/calendars", share_dir(l)) };
	enum err e = ERR_ABSENT;

	for (size_t i = 0; i < 3 && e == ERR_ABSENT; i++)
		e = load_file(l->arena, dirs[i], name, ICAL_MAX_FILE, out);
	return e;
}

/* The dates of the file as nodes in place of its name: what is shown later needs no file. */
static void expand_ics(struct load *l, struct node *file, struct node *into)
{
	struct diag d = { 0, 0, "" };
	struct civil *days = NULL;
	struct str text;
	size_t n = 0;
	enum err e = read_ics(l, file->text.p, &text);

	if (e == ERR_ABSENT)
		load_error(l, file, "%s: no such file here, in /etc/plazo/calendars or in %s/calendars", file->text.p,
			   share_dir(l));
	else if (e != ERR_OK)
		load_error(l, file, "%s: cannot be read: %s", file->text.p,
			   e == ERR_LIMIT ? "larger than 1 MiB" : strerror(errno));
	else if (ical_days(l->arena, text, l->first_year, l->last_year, &days, &n, &d) != ERR_OK)
		load_error(l, file, "%s: %s", file->text.p, d.msg);
	for (size_t i = 0; i < n; i++) {
		struct node *c = node_make(l->arena, NODE_SCALAR);

		c->file = file->file;
		c->line = file->line;
		c->col = file->col;
		c->text = str_of(arena_printf(l->arena, "%04d-%02d-%02d", days[i].year, days[i].month, days[i].day));
		node_append(into, c);
	}
}

static bool is_ics(struct str s)
{
	return s.len > 4 && str_eq_nocase((struct str){ s.p + s.len - 4, 4 }, STR(".ics"));
}

static void expand_holidays(struct load *l, struct node *list)
{
	struct node *c = list->first, *next;

	if (list->kind == NODE_SCALAR) {
		c = arena_alloc(l->arena, sizeof *c);
		*c = *list;
		c->next = NULL;
		list->kind = NODE_LIST;
	}
	list->first = list->last = NULL;
	list->n = 0;
	for (; c != NULL; c = next) {
		next = c->next;
		if (!c->bad && c->kind == NODE_SCALAR && is_ics(c->text))
			expand_ics(l, c, list);
		else
			node_append(list, c);
	}
}

static void holidays_build(struct load *l, struct node *list, struct calendar_spec *spec, struct cal *cal)
{
	if (list == NULL)
		return;
	expand_holidays(l, list);
	struct holiday *v = arena_array(l->arena, list->n + 1, sizeof *v);
	size_t n = 0;

	for (struct node *c = list->first; c != NULL; c = c->next) {
		if (c->bad || c->kind != NODE_SCALAR)
			continue;
		v[n].date = scalar_holiday(c->text);
		if (v[n].date.year != 0 && civil_to_days(v[n].date) > cal->last_holiday)
			cal->last_holiday = civil_to_days(v[n].date);
		n++;
	}
	cal->holidays = list;
	spec->holidays = v;
	spec->n_holidays = n;
}

static const struct date_hours *dates_build(struct load *l, struct node *map, size_t *n_out)
{
	size_t n = 0;

	if (map == NULL)
		return NULL;
	struct date_hours *v = arena_array(l->arena, map->n + 1, sizeof *v);

	for (size_t i = 0; i < map->n; i++) {
		struct node *c = map->index[i];

		if (!c->bad && civil_parse(c->key, &v[n].date) == ERR_OK)
			v[n++].hours = windows_build(l, c);
	}
	*n_out = n;
	return v;
}

/* ---- one calendar ---- */

static void digest_day(struct buf *b, const struct day_hours *day)
{
	buf_put_varint(b, day->n);
	for (size_t i = 0; i < day->n; i++) {
		buf_put_varint(b, (uint64_t)day->v[i].from_s);
		buf_put_varint(b, (uint64_t)day->v[i].to_s);
	}
}

static void digest_date(struct buf *b, struct civil c)
{
	buf_printf(b, "%d-%d-%d;", c.year, c.month, c.day);
}

static void digest_dates(struct buf *b, const struct date_hours *v, size_t n)
{
	buf_put_varint(b, n);
	for (size_t i = 0; i < n; i++) {
		digest_date(b, v[i].date);
		digest_day(b, &v[i].hours);
	}
}

/* Other rules of its zone may move instants: they make it another calendar. */
static uint64_t digest_spec(const struct load *l, const struct calendar_spec *spec)
{
	struct buf b;

	buf_init(&b, 64u << 20);
	buf_put_u64le(&b, zones_digest(l->whole, spec->zone));
	for (int i = 0; i < 7; i++)
		digest_day(&b, &spec->week[i]);
	buf_put_varint(&b, spec->n_holidays);
	for (size_t i = 0; i < spec->n_holidays; i++)
		digest_date(&b, spec->holidays[i].date);
	digest_dates(&b, spec->breaks, spec->n_breaks);
	digest_dates(&b, spec->shifts, spec->n_shifts);
	uint64_t h = siphash64((struct sipkey){ 1, 2 }, b.p, b.len);

	buf_finish(&b);
	return h;
}

static bool has_hours(const struct calendar_spec *spec)
{
	for (int i = 0; i < 7; i++) {
		if (spec->week[i].n > 0)
			return true;
	}
	for (size_t i = 0; i < spec->n_shifts; i++) {
		if (spec->shifts[i].hours.n > 0)
			return true;
	}
	return false;
}

static const struct zone *utc(struct load *l)
{
	struct node name = { .kind = NODE_SCALAR, .text = STR("UTC") };

	return zone_load(l, &name);
}

static void calendar_build(struct load *l, struct node *n)
{
	struct cal *cal = arena_alloc(l->arena, sizeof *cal);
	struct node always = { .kind = NODE_SCALAR };
	struct calendar_spec spec = { .name = n->key.p };
	size_t errors = l->problems->n_errors;

	if (n->kind == NODE_SCALAR) {
		spec.zone = utc(l);
		week_build(l, &always, &spec);
	} else {
		spec.zone = zone_load(l, good(n, "zone"));
		week_build(l, good(n, "hours"), &spec);
		holidays_build(l, good(n, "holidays"), &spec, cal);
		spec.breaks = dates_build(l, good(n, "breaks"), &spec.n_breaks);
		spec.shifts = dates_build(l, good(n, "shifts"), &spec.n_shifts);
	}
	if (l->problems->n_errors == errors && !node_is_spoilt(n) && !has_hours(&spec))
		load_error_key(l, n, "calendars." STR_FMT " has no hours: it would never open", STR_ARG(n->key));
	if (l->problems->n_errors > errors || node_is_spoilt(n) || spec.zone == NULL)
		return;
	/* Tables take time to build: none for what is refused anyway. */
	bool refused = l->problems->n_errors > 0;

	cal->digest = spec.digest = digest_spec(l, &spec);
	cal->calendar = calendar_create(&spec, refused ? 1 : l->first_year, refused ? 0 : l->last_year);
	l->whole->calendars[l->whole->n_calendars++] = cal->calendar;
	n->built = cal;
}

void calendars_build(struct load *l)
{
	struct node *map = node_getz(l->root, "calendars");
	struct whole *w = l->whole;
	size_t n = 0;

	w->pub.tzdata = zones_version(l);
	if (!node_is_map(map) || map->bad)
		return;
	struct named_calendar *v = arena_array(l->arena, map->n + 1, sizeof *v);

	if (map->n > CONFIG_MAX_CALENDARS) {
		load_error_key(l, map, "more than %d calendars", CONFIG_MAX_CALENDARS);
		return;
	}
	w->calendars = xcalloc(map->n + 1, sizeof(struct calendar *));
	for (size_t i = 0; i < map->n; i++) {
		struct node *c = map->index[i];

		if (!c->bad)
			calendar_build(l, c);
		if (c->built != NULL)
			v[n++] = (struct named_calendar){ c->key.p, ((struct cal *)c->built)->calendar };
	}
	w->pub.calendars = v;
	w->pub.n_calendars = n;
}

const struct calendar *calendar_ref(struct load *l, struct node *name)
{
	struct node *map = node_getz(l->root, "calendars");

	if (name == NULL || name->bad || name->kind != NODE_SCALAR)
		return NULL;
	const struct node *c = node_get(map, name->text);

	if (c == NULL) {
		load_error(l, name, "there is no calendar '" STR_FMT "'%s", STR_ARG(name->text), load_hint(l, name->text, map));
		return NULL;
	}
	return c->built != NULL ? ((const struct cal *)c->built)->calendar : NULL;
}

const struct cal *calendar_model(const struct load *l, const struct calendar *c)
{
	const struct node *n = c != NULL ? node_getz(node_getz(l->root, "calendars"), calendar_name(c)) : NULL;

	return n != NULL ? n->built : NULL;
}
