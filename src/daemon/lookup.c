#include "daemon/lookup.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "daemon/daemon.h"

static void lookup_end(struct lookup *l)
{
	arena_destroy(l->arena);
	free(l);
}

static void found(struct lookup *l, const struct lookup_name *name)
{
	l->found[l->n_found++] = *name;
}

static void refuse_ambiguous(struct lookup *l)
{
	struct buf b;
	struct json_out o = json_out(&b);

	buf_init(&b, 64u << 10);
	json_begin_object(&o);
	json_put_key(&o, "title");
	json_put_z(&o, "Conflict");
	json_put_key(&o, "status");
	json_put_i64(&o, 409);
	json_put_key(&o, "detail");
	json_put_z(&o, "Several namespaces have a ticket of this id: name one of them, as NAMESPACE/ID.");
	json_put_key(&o, "choices");
	json_begin_array(&o);
	for (size_t i = 0; i < l->n_found; i++)
		json_put_z(&o, arena_printf(l->arena, STR_FMT "/" STR_FMT, STR_ARG(l->found[i].ns), STR_ARG(l->found[i].ticket)));
	json_end_array(&o);
	json_end_object(&o);
	http_reply(l->r, &(struct http_reply){ .status = 409, .content_type = PROBLEM_TYPE, .body = buf_str(&b) });
	buf_finish(&b);
}

static void conclude(struct daemon *d, struct lookup *l)
{
	if (l->n_found == 0)
		api_refuse(l->r, 404, "There is no ticket of this id.");
	else if (l->n_found > 1)
		refuse_ambiguous(l);
	else {
		l->ns = l->found[0].ns;
		l->ticket = l->found[0].ticket;
		l->fn(d, l);
	}
	lookup_end(l);
}

/* Asks the disk for one name after the other; in memory there is no need to. */
static void go_on(struct daemon *d, struct lookup *l)
{
	while (l->n_asked > 0) {
		const struct lookup_name *name = &l->asked[l->n_asked - 1];

		if (engine_has(d->engine, name->ns, name->ticket)) {
			found(l, name);
		} else if (store_may_have(d->store, name->ns, name->ticket)) {
			if (store_find_ticket(d->store, name->ns, name->ticket, query_cookie(&l->query)) == ERR_OK)
				return;
			api_refuse(l->r, 503, "The store has no room for questions at the moment.");
			lookup_end(l);
			return;
		}
		l->n_asked--;
	}
	conclude(d, l);
}

static void on_row(struct daemon *d, struct query *q, const struct store_done *done)
{
	struct lookup *l = (struct lookup *)q;

	if (done->ticket != NULL) {
		found(l, &l->asked[l->n_asked - 1]);
		l->row = arena_str(l->arena, done->ticket->row);
	}
	if (!done->last)
		return;
	if (done->err == ERR_IO || done->err == ERR_FULL) {
		api_refuse(l->r, 503, "The store cannot answer at the moment.");
		lookup_end(l);
		return;
	}
	l->n_asked--;
	go_on(d, l);
}

static void add(struct lookup *l, struct str ns, struct str ticket)
{
	for (size_t i = 0; i < l->n_asked; i++)
		if (str_eq(l->asked[i].ns, ns) && str_eq(l->asked[i].ticket, ticket))
			return;
	l->asked[l->n_asked++] = (struct lookup_name){ arena_str(l->arena, ns), arena_str(l->arena, ticket) };
}

void lookup_start(struct daemon *d, const struct api_call *c, lookup_fn *fn)
{
	struct lookup *l = xcalloc(1, sizeof(*l));
	struct str id = c->name, ns;

	*l = (struct lookup){ .query = { on_row }, .fn = fn, .r = c->r, .route = c->route, .arena = arena_create() };
	l->asked = arena_array(l->arena, d->cfg->n_sources + 1, sizeof(*l->asked));
	l->found = arena_array(l->arena, d->cfg->n_sources + 1, sizeof(*l->found));
	if (c->ns.len > 0) {
		add(l, c->ns, c->name);
	} else {
		for (size_t i = 0; i < d->cfg->n_sources; i++)
			add(l, str_of(d->cfg->sources[i].ns), c->name);
		if (str_cut(&id, '/', &ns) && id.len > 0 && api_is_namespace(d, ns))
			add(l, ns, id);
	}
	go_on(d, l);
}

bool lookup_enter(struct daemon *d, struct lookup *l)
{
	struct diag diag = { 0 };

	if (engine_has(d->engine, l->ns, l->ticket)) {
		l->row = (struct str){ NULL, 0 };
		return true;
	}
	if (l->row.len > 0 && engine_load(d->engine, l->row, &diag) == ERR_OK)
		return true;
	log_error("api", "row", "ticket=" STR_FMT "/" STR_FMT " error=\"%s\"", STR_ARG(l->ns), STR_ARG(l->ticket), diag.msg);
	api_refuse(l->r, 500, "The ticket's row cannot be read.");
	return false;
}

void lookup_leave(struct daemon *d, struct lookup *l)
{
	if (l->row.len > 0)
		engine_drop(d->engine, l->ns, l->ticket);
}
