#include "daemon/force.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "daemon/daemon.h"

struct force {
	const struct config    *cfg;
	struct arena           *arena;
	struct intake_source   *sources;
	size_t                  n_sources;
	struct notify_settings  notify;
};

/* ---- sources ---- */

/* As a verifier wants it: with the user, where there is one. */
static struct str shown_as(struct arena *a, enum verify_kind kind, const char *user, struct str secret)
{
	if (kind != VERIFY_BASIC || user == NULL)
		return secret;
	return str_of(arena_printf(a, "%s:" STR_FMT, user, STR_ARG(secret)));
}

bool force_fits(const struct secret_use *use, struct str secret, struct diag *why)
{
	struct verify_config vc = { .kind = use->verify, .n_secrets = 1, .header = use->header };
	struct verifier *v = NULL;
	struct arena *a;
	bool ok;

	if (use->signs)
		return notify_secret_ok(secret, why);
	a = arena_create();
	vc.secrets[0] = shown_as(a, use->verify, use->user, secret);
	ok = verifier_create(&vc, &v, why) == ERR_OK;
	verifier_destroy(v);
	arena_destroy(a);
	return ok;
}

static enum err make_verifier(struct force *f, const struct source *s, struct verifier **out, struct diag *d)
{
	struct verify_config vc = { .kind = s->verify, .n_secrets = s->n_secrets, .header = s->header };
	struct diag why = { 0 };
	enum err e;

	for (size_t i = 0; i < s->n_secrets && i < VERIFY_MAX_SECRETS; i++)
		vc.secrets[i] = shown_as(f->arena, s->verify, s->user, s->secrets[i].bytes);
	e = verifier_create(&vc, out, &why);
	if (e != ERR_OK)
		diag_set(d, "source %s: %s", s->name, why.msg);
	return e;
}

/* Foreign maps are not active yet: the configuration has said so in a warning, and nothing comes in by them. */
static bool is_active(const struct source *s)
{
	return s->webhook && s->map == NULL;
}

static enum err make_sources(struct force *f, struct diag *d)
{
	const struct config *cfg = f->cfg;
	enum err e = ERR_OK;

	f->sources = arena_array(f->arena, cfg->n_sources + 1, sizeof(*f->sources));
	for (size_t i = 0; i < cfg->n_sources && e == ERR_OK; i++) {
		const struct source *s = &cfg->sources[i];
		struct verifier *v = NULL;

		if (!is_active(s))
			continue;
		e = make_verifier(f, s, &v, d);
		if (e == ERR_OK)
			f->sources[f->n_sources++] = (struct intake_source){ str_of(s->name), str_of(s->ns), v };
	}
	return e;
}

/* ---- receivers ---- */

_Static_assert(CONFIG_MAX_RECIPIENTS == NOTIFY_MAX_RECIPIENTS, "what the configuration takes is sent");

static void make_receiver(const struct receiver *r, struct notify_receiver *out)
{
	static const enum notify_kind kinds[RECEIVER_N] = {
		[RECEIVER_LOG] = NOTIFY_LOG, [RECEIVER_WEBHOOK] = NOTIFY_WEBHOOK, [RECEIVER_EMAIL] = NOTIFY_EMAIL, [RECEIVER_LATER] = NOTIFY_LOG,
	};

	*out = (struct notify_receiver){
		.name = r->name, .kind = kinds[r->kind], .fallback = r->fallback,
		.language = r->language == LANGUAGE_ES ? TEXT_ES : TEXT_EN,
		.zone = r->zone, .url = r->url, .ca_file = r->ca_file, .secrets = { r->secret.bytes }, .to = r->to, .n_to = r->n_to,
	};
}

static bool has_many_namespaces(const struct config *cfg)
{
	for (size_t i = 1; i < cfg->n_sources; i++)
		if (strcmp(cfg->sources[i].ns, cfg->sources[0].ns) != 0)
			return true;
	return false;
}

static void make_settings(struct force *f)
{
	static const enum notify_tls tls[] = {
		[TLS_REQUIRE] = NOTIFY_TLS_REQUIRE, [TLS_STARTTLS] = NOTIFY_TLS_STARTTLS, [TLS_NONE] = NOTIFY_TLS_NONE,
	};
	const struct config *cfg = f->cfg;
	const struct email_config *mail = &cfg->email;
	struct notify_receiver *v = arena_array(f->arena, cfg->n_receivers + 1, sizeof(*v));

	for (size_t i = 0; i < cfg->n_receivers; i++)
		make_receiver(&cfg->receivers[i], &v[i]);
	f->notify = (struct notify_settings){
		.receivers = v, .n_receivers = cfg->n_receivers, .defaults = cfg->rules->notify, .n_defaults = cfg->rules->n_notify,
		.email = { .smtp = mail->smtp, .from = mail->from, .tls = tls[mail->tls], .user = mail->user, .ca_file = mail->ca_file },
		.public_url = cfg->server.public_url, .with_ns = has_many_namespaces(cfg),
	};
	if (mail->password.configured)
		f->notify.email.password = arena_str(f->arena, mail->password.bytes).p;
}

enum err force_create(const struct config *cfg, struct force **out, struct diag *d)
{
	struct force *f = xcalloc(1, sizeof(*f));
	enum err e;

	f->cfg = cfg;
	f->arena = arena_create();
	e = make_sources(f, d);
	if (e != ERR_OK) {
		force_destroy(f);
		return e;
	}
	make_settings(f);
	*out = f;
	return ERR_OK;
}

void force_destroy(struct force *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->n_sources; i++) {
		union { const struct verifier *c; struct verifier *v; } own = { .c = f->sources[i].verifier };

		verifier_destroy(own.v);
	}
	arena_destroy(f->arena);
	free(f);
}

enum err force_check(const struct force *f, struct diag *diag)
{
	enum err e = streams_check(f->cfg, diag);

	return e == ERR_OK ? notify_settings_check(&f->notify, diag) : e;
}

enum err force_apply(struct daemon *d, const struct force *f, struct diag *diag)
{
	const struct server_config *sc = &f->cfg->server;
	enum err e = notify_configure(d->notify, &f->notify, diag);

	if (e != ERR_OK)
		return e;
	intake_set_sources(d->intake, f->sources, f->n_sources);
	intake_set_limits(d->intake, sc->max_body, sc->max_bulk);
	engine_set_max_skew(d->engine, sc->max_skew_ms);
	streams_configure(d, f->cfg);
	http_server_set_connections(d->http, LISTEN_PUBLIC, listen_cap(sc->max_connections));
	return ERR_OK;
}
