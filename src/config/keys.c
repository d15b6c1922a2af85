/*
 * The schema. Every key of the configuration stands once, here or in keys_sources.c, with the shape of its value and what it is for;
 * the sample, the documents and `config keys` are checked against it.
 */
#include "keys.h"

#include "scalar.h"

const char *const schema_shared[] = { "calendars", "policies", "contracts", "escalations", "receivers", "sources", "maps",
				      "templates", NULL };

/* ---- words and values ---- */

static const char *const may_words[] = { "read", "act", NULL };
static const char *const boundary_words[] = { "close", "next-open", NULL };
static const char *const reopen_words[] = { "resume", "new-cycle", "ignore", NULL };
static const char *const on_change_words[] = { "retroactive", "from-change", NULL };
static const char *const effective_words[] = { "running", "new-tickets", NULL };
static const char *const agreement_words[] = { "sla", "ola", "uc", NULL };
static const char *const mode_words[] = { "remote", "onsite", "any", NULL };
static const char *const cond_mode_words[] = { "remote", "onsite", NULL };
static const char *const by_words[] = { "wall", "calendar", NULL };
static const char *const relationship_words[] = { "basic", "collaborative", "strategic", NULL };
static const char *const language_words[] = { "en", "es", NULL };
static const char *const tls_words[] = { "require", "starttls", "none", NULL };
static const char *const type_words[] = { "opened", "changed", "replied", "acknowledged", "attended", "resolved", "reopened",
					  "closed", "cancelled", "merged", NULL };
static const char *const role_words[] = { "system", "customer", "agent", NULL };
static const char *const period_words[] = { "week", "month", "quarter", "half-year", "year", NULL };
static const char *const review_words[] = { "daily", "sync", "weekly", "monthly", "quarterly", "half-yearly", "yearly", NULL };
static const char *const every_words[] = { "day", "week", "fortnight", "month", "quarter", "half-year", "year", NULL };

const struct shape shape_name = { .what = "a name", .scalar = is_name };
const struct shape shape_text = { .what = "a text", .scalar = is_text };
const struct shape shape_path = { .what = "a path", .scalar = is_path };
static const struct shape a_date = { .what = "a date", .scalar = is_date };
static const struct shape a_count = { .what = "a whole number", .scalar = is_count };
static const struct shape a_size = { .what = "a size such as 1MiB", .scalar = is_size };
const struct shape shape_duration = { .what = "a duration such as 30m", .scalar = is_ms };
const struct shape shape_duration_or_0 = { .what = "a duration such as 10s", .scalar = is_ms_or_0 };
static const struct shape a_span = { .what = "a target such as 2h or 3bd", .scalar = is_span };
static const struct shape an_address = { .what = "an address such as 127.0.0.1:8970", .scalar = is_address };
static const struct shape a_url = { .what = "a URL", .scalar = is_http_url };
static const struct shape a_smtp_url = { .what = "a URL such as smtp://127.0.0.1:25", .scalar = is_smtp_url };
static const struct shape a_mailbox = { .what = "a mail address", .scalar = is_mailbox };
static const struct shape an_email = { .what = "a mail address", .scalar = is_email };
static const struct shape a_percent = { .what = "a percentage such as 95%", .scalar = is_percent };
static const struct shape a_number = { .what = "a number", .scalar = is_number };
static const struct shape an_attr = { .what = "a text", .scalar = is_attr };
static const struct shape a_zone = { .what = "a time zone such as Europe/Madrid", .scalar = is_text };

#define WORD(id, list) static const struct shape id = { .what = "a word", .words = list }
WORD(a_boundary, boundary_words);
WORD(a_reopen, reopen_words);
WORD(an_on_change, on_change_words);
WORD(an_effective, effective_words);
WORD(an_agreement, agreement_words);
WORD(a_mode, mode_words);
WORD(a_by, by_words);
WORD(a_relationship, relationship_words);
WORD(a_language, language_words);
WORD(a_tls, tls_words);
WORD(a_period, period_words);
WORD(a_review, review_words);
WORD(an_every, every_words);
WORD(a_may, may_words);
WORD(a_type, type_words);
WORD(a_role, role_words);
WORD(a_cond_mode, cond_mode_words);

static const struct shape a_bool = { .what = "true or false", .scalar = is_bool };

const struct shape shape_names = { .what = "a name or a list of names", .scalar = is_name, .items = &shape_name, .some = true };
const struct shape shape_texts = { .what = "a text or a list of texts", .scalar = is_text, .items = &shape_text, .some = true };
static const struct shape attrs = { .what = "a value or a list of values", .scalar = is_attr, .items = &an_attr, .some = true };
static const struct shape emails = { .what = "a mail address or a list of them", .scalar = is_email, .items = &an_email,
				     .some = true };
static const struct shape paths = { .what = "a path or a list of paths", .scalar = is_path, .items = &shape_path };
static const struct shape mays = { .what = "read, act, or both", .words = may_words, .items = &a_may, .some = true };
static const struct shape types = { .what = "a type of event or a list of them", .words = type_words, .items = &a_type,
				    .some = true };
static const struct shape roles = { .what = "a role or a list of roles", .words = role_words, .items = &a_role, .some = true };
static const struct shape modes = { .what = "remote, onsite or both", .words = cond_mode_words, .items = &a_cond_mode,
				    .some = true };
static const struct shape bools = { .what = "true or false", .scalar = is_bool, .items = &a_bool, .some = true };
static const struct shape percents = { .what = "percentages", .scalar = is_percent, .items = &a_percent, .some = true };

/* ---- server, store ---- */

static const struct key secret_keys[] = {
	{ "file", &shape_path, 0, "a file that holds it; a line feed at its end is cut" },
	{ "credential", &shape_name, 0, "the name of a systemd credential" },
	{ "env", &shape_name, 0, "the name of an environment variable" },
	END
};
const struct shape shape_secret = { .what = "a secret: {file: PATH}, {credential: NAME} or {env: NAME}", .scalar = is_text,
				       .keys = secret_keys, .group = "secret" };
const struct shape shape_secrets = { .what = "a secret or a list of two", .scalar = is_text, .keys = secret_keys,
				     .group = "secret", .items = &shape_secret, .some = true };

static const struct key operator_keys[] = {
	{ "token", &shape_secret, NEEDED, "what it sends as Authorization: Bearer" },
	{ "may", &mays, NEEDED, "read, act, or both" },
	END
};
static const struct shape an_operator = { .what = "a map with token and may", .keys = operator_keys };
static const struct shape operators = { .what = "a map of names to operators", .values = &an_operator, .names = is_name };

static const struct key limit_keys[] = {
	{ "body", &a_size, 0, "of one event, sent alone" },
	{ "bulk", &a_size, 0, "of an array or NDJSON" },
	{ "connections", &a_count, 0, "at a time" },
	{ "max_skew", &shape_duration, 0, "how far in the future an event may lie before it is flagged" },
	END
};
static const struct shape limits = { .what = "a map", .keys = limit_keys };

static const struct key server_keys[] = {
	{ "listen", &an_address, 0, "where events and operators come in; a socket passed by systemd wins" },
	{ "metrics", &an_address, 0, "an address of its own for Prometheus" },
	{ "socket", &shape_path, 0, "the control socket of plazoctl" },
	{ "public_url", &a_url, 0, "base of the links in alerts" },
	{ "operators", &operators, 0, "who may read and act over HTTP; without any, only the unix socket may" },
	{ "limits", &limits, 0, "bounds on what is taken from outside" },
	END
};
static const struct shape server = { .what = "a map", .keys = server_keys };

static const struct key store_keys[] = {
	{ "path", &shape_path, 0, "the SQLite database" },
	{ "retention", &shape_duration, 0, "how long closed tickets are kept" },
	END
};
static const struct shape store = { .what = "a map", .keys = store_keys };

/* ---- calendars ---- */

static const struct shape a_window = { .what = "a window such as \"09:00-17:30\"", .scalar = is_window };
static const struct shape windows = { .what = "a window or a list of windows", .scalar = is_window, .items = &a_window };
static const struct shape some_windows = { .what = "a window or a list of windows", .scalar = is_window, .items = &a_window,
					   .some = true };
static const struct shape hours = { .what = "24x7, or a map of days to windows", .scalar = is_24x7_or_window, .values = &windows,
				    .names = is_days };
static const struct shape a_holiday = { .what = "a date or a file NAME.ics", .scalar = is_holiday };
static const struct shape holidays = { .what = "a list of dates and files", .scalar = is_holiday, .items = &a_holiday };
static const struct shape breaks = { .what = "a map of dates to windows", .values = &some_windows, .names = is_date };
static const struct shape shifts = { .what = "a map of dates to windows", .values = &windows, .names = is_date };

static const struct key calendar_keys[] = {
	{ "zone", &a_zone, NEEDED, "IANA name of the time zone" },
	{ "hours", &hours, NEEDED, "windows [from, to) by day; to may be 24:00; 22:00-06:00 crosses midnight" },
	{ "holidays", &holidays, 0, "dates, yearly dates \"-MM-DD\", iCalendar files" },
	{ "breaks", &breaks, 0, "taken out of that date" },
	{ "shifts", &shifts, 0, "replace the hours of that date, holiday or not" },
	END
};
static const struct shape a_calendar = { .what = "24x7, or a map with zone and hours", .scalar = is_24x7, .keys = calendar_keys };
static const struct shape calendars = { .what = "a map of names to calendars", .values = &a_calendar, .names = is_name };

/* ---- conditions, targets, metrics ---- */

#define ATTRIBUTES \
	{ "contract", &attrs, 0, "attribute of the ticket" }, \
	{ "priority", &attrs, 0, "attribute of the ticket" }, \
	{ "kind", &attrs, 0, "attribute of the ticket" }, \
	{ "status", &attrs, 0, "attribute of the ticket" }, \
	{ "category", &attrs, 0, "attribute of the ticket" }, \
	{ "service", &attrs, 0, "attribute of the ticket" }, \
	{ "site", &attrs, 0, "attribute of the ticket" }, \
	{ "team", &attrs, 0, "attribute of the ticket" }, \
	{ "assignee", &attrs, 0, "attribute of the ticket" }, \
	{ "tier", &attrs, 0, "attribute of the ticket" }, \
	{ "requester", &attrs, 0, "attribute of the ticket" }, \
	{ "organization", &attrs, 0, "attribute of the ticket" }, \
	{ "domain", &attrs, 0, "attribute of the ticket" }, \
	{ "tags", &attrs, 0, "attribute of the ticket: at least one of its tags" }

static const struct key state_keys[] = { ATTRIBUTES, END };
static const struct key moment_keys[] = {
	{ "type", &types, 0, "of the event" },
	{ "actor", &roles, 0, "role of who did it" },
	{ "public", &bools, 0, "of a reply" },
	{ "automated", &bools, 0, "of a reply" },
	{ "mode", &modes, 0, "of an attendance" },
	ATTRIBUTES, END
};
static const struct shape a_state = { .what = "a map of attributes to values", .keys = state_keys, .group = "condition",
				      .some = true };
static const struct shape states = { .what = "a condition or a list of conditions", .keys = state_keys, .group = "condition",
				     .items = &a_state };
static const struct shape a_moment = { .what = "a map of keys to values", .keys = moment_keys, .group = "condition",
				       .some = true };
static const struct shape moments = { .what = "a condition or a list of conditions", .keys = moment_keys,
				      .group = "condition", .items = &a_moment };

static const struct key target_keys[] = {
	{ "when", &a_state, 0, "which tickets; without it, all" },
	{ "target", &a_span, NEEDED, "a duration, business days, or none" },
	{ "calendar", &shape_name, 0, "in which it is counted" },
	END
};
static const struct shape a_target = { .what = "a map with target", .keys = target_keys, .group = "target" };
static const struct shape targets = { .what = "a duration, a map of priorities to durations, or a list of {when, target}",
				      .scalar = is_span, .values = &a_span, .names = is_attr, .items = &a_target, .some = true };

static const struct key metric_keys[] = {
	{ "target", &targets, NEEDED, "how long it may take" },
	{ "mode", &a_mode, 0, "of attendance: remote, onsite or any" },
	{ "agreement", &an_agreement, 0, "sla, ola or uc" },
	{ "calendar", &shape_name, 0, "in which it is counted" },
	{ "start", &moments, 0, "an event that starts a clock" },
	{ "stop", &moments, 0, "an event that stops it" },
	{ "cancel", &moments, 0, "an event that ends it uncounted" },
	{ "pause", &states, 0, "the clock stands while this holds; [] is never" },
	{ "while", &states, 0, "the clock runs only while this holds" },
	END
};
static const struct shape a_metric = { .what = "a map with target", .keys = metric_keys };
static const struct shape metrics = { .what = "a map of names to metrics", .values = &a_metric, .names = is_name, .some = true };

/* ---- escalations ---- */

static const struct shape a_step_at = { .what = "75%, due-30m, breach or breach+30m", .scalar = is_step };
static const struct key step_keys[] = {
	{ "at", &a_step_at, NEEDED, "75%, due-30m, breach or breach+30m" },
	{ "notify", &shape_names, NEEDED, "receivers" },
	{ "every", &shape_duration, 0, "again after so long" },
	{ "times", &a_count, 0, "how often in all" },
	{ "by", &a_by, 0, "wall counts real time, calendar that of the clock" },
	END
};
static const struct shape a_step = { .what = "a map with at and notify", .keys = step_keys };
static const struct shape steps = { .what = "a list of steps", .items = &a_step, .some = true };
static const struct shape escalations = { .what = "a map of names to lists of steps", .values = &steps, .names = is_name };

static const struct key choice_keys[] = {
	{ "when", &a_state, 0, "which tickets; without it, all" },
	{ "escalation", &shape_name, NEEDED, "name of an escalation, or none" },
	END
};
static const struct shape a_choice = { .what = "a map with when and escalation", .keys = choice_keys, .group = "choice" };
static const struct shape escalation = { .what = "a name, a map of priorities to names, or a list of {when, escalation}",
					 .scalar = is_name, .values = &shape_name, .names = is_attr, .items = &a_choice, .some = true };

/* ---- defaults, policies, contracts ---- */

static const struct key reopen_keys[] = {
	{ "after", &a_reopen, 0, "what a reopening does: resume, new-cycle or ignore" },
	{ "within", &shape_duration, 0, "up to so long after the resolution, in real time" },
	{ "later", &a_reopen, 0, "and after that" },
	END
};
static const struct shape reopen = { .what = "a map with after, within and later", .keys = reopen_keys };

static const struct key default_keys[] = {
	{ "calendar", &shape_name, 0, "where neither contract nor policy names one" },
	{ "pause", &states, 0, "clocks stand while this holds, where the metric does not say otherwise" },
	{ "boundary", &a_boundary, 0,
	  "a target that runs out at closing time is due then (close), or when work resumes (next-open)" },
	{ "reopen", &reopen, 0, "what a reopening does" },
	{ "escalation", &escalation, 0, "where neither contract nor policy names one" },
	{ "notify", &shape_names, 0, "for what has no receiver of its own" },
	{ "on_change", &an_on_change, 0, "a new target counts from the start (retroactive) or from the change (from-change)" },
	END
};
static const struct shape defaults = { .what = "a map", .keys = default_keys };

static const struct key policy_keys[] = {
	{ "calendar", &shape_name, 0, "wins over the default one" },
	{ "metrics", &metrics, NEEDED, "what is promised" },
	{ "escalation", &escalation, 0, "wins over the default one" },
	{ "reopen", &reopen, 0, "wins over the default" },
	{ "on_change", &an_on_change, 0, "wins over the default" },
	{ "effective", &an_effective, 0, "whether a changed policy holds for running clocks or for new tickets alone" },
	END
};
static const struct shape a_policy = { .what = "a map with metrics", .keys = policy_keys };
static const struct shape policies = { .what = "a map of names to policies", .values = &a_policy, .names = is_name };

static const struct key match_keys[] = {
	{ "organization", &attrs, 0, "exact names" },
	{ "domain", &attrs, 0, "mail domains" },
	END
};
static const struct shape match = { .what = "a map with organization and domain", .keys = match_keys };

static const struct key site_keys[] = {
	{ "calendar", &shape_name, NEEDED, "of tickets with this site" },
	END
};
static const struct shape a_site = { .what = "a map with calendar", .keys = site_keys };
static const struct shape sites = { .what = "a map of names to sites", .values = &a_site, .names = is_attr };
static const struct shape overrides = { .what = "a map of metrics to targets", .values = &targets, .names = is_name };

static const struct key attainment_keys[] = {
	{ "metric", &shape_name, NEEDED, "which one" },
	{ "goal", &a_percent, NEEDED, "share that must be met" },
	{ "over", &a_period, NEEDED, "period" },
	{ "when", &a_state, 0, "which tickets count" },
	{ "warn", &percents, 0, "shares of the allowance at which to warn" },
	END
};
static const struct shape an_attainment = { .what = "a map", .keys = attainment_keys };
static const struct shape attainment = { .what = "a list", .items = &an_attainment };

static const struct key recurring_keys[] = {
	{ "by", &shape_names, NEEDED, "attributes that must be equal" },
	{ "count", &a_count, NEEDED, "how many" },
	{ "within", &shape_duration, NEEDED, "in real time" },
	{ "notify", &shape_names, NEEDED, "receivers" },
	END
};
static const struct shape a_recurring = { .what = "a map", .keys = recurring_keys };
static const struct shape recurring = { .what = "a list", .items = &a_recurring };

static const struct key review_keys[] = {
	{ "kind", &a_review, NEEDED, "which one" },
	{ "every", &an_every, 0, "period" },
	{ "at", &shape_text, 0, "day and time" },
	{ "to", &shape_names, NEEDED, "receivers" },
	END
};
static const struct shape one_review = { .what = "a map", .keys = review_keys };
static const struct shape reviews = { .what = "a list", .items = &one_review };

static const struct shape amounts = { .what = "an amount, or a map of priorities to amounts", .scalar = is_number,
				      .values = &a_number, .names = is_attr };
static const struct key cost_keys[] = {
	{ "currency", &shape_name, NEEDED, "ISO 4217 code" },
	{ "per_breach", &amounts, 0, "what a breach costs" },
	{ "cap_percent", &a_number, 0, "of the fee, at most" },
	{ "monthly_fee", &a_number, 0, "what the customer pays" },
	END
};
static const struct shape costs = { .what = "a map", .keys = cost_keys };

static const struct key contract_keys[] = {
	{ "customer", &shape_text, 0, "for people" },
	{ "match", &match, 0, "for senders that don't know our ids" },
	{ "policy", &shape_name, NEEDED, "what is promised" },
	{ "relationship", &a_relationship, 0, "basic, collaborative or strategic" },
	{ "calendar", &shape_name, 0, "wins over the policy's" },
	{ "sites", &sites, 0, "calendars by the ticket's site" },
	{ "starts", &a_date, 0, "first day" },
	{ "ends", &a_date, 0, "last day" },
	{ "escalation", &escalation, 0, "wins over the policy's" },
	{ "targets", &overrides, 0, "overrides of the policy, by metric" },
	{ "attainment", &attainment, LATER, "goals over periods" },
	{ "recurring", &recurring, LATER, "incidents that come again" },
	{ "reviews", &reviews, LATER, "service reviews" },
	{ "costs", &costs, LATER, "what breaches cost" },
	END
};
static const struct shape a_contract = { .what = "a map with policy", .keys = contract_keys };
static const struct shape contracts = { .what = "a map of names to contracts", .values = &a_contract, .names = is_name };

/* ---- receivers, email ---- */

static const struct key no_keys[] = { END };
static const struct shape log_receiver = { .what = "{}", .keys = no_keys };
static const struct key webhook_keys[] = {
	{ "url", &a_url, NEEDED, "where alerts are posted" },
	{ "secret", &shape_secret, 0, "signs them (Standard Webhooks)" },
	{ "ca_file", &shape_path, 0, "PEM certificates to trust instead of the system's" },
	END
};
static const struct shape webhook_receiver = { .what = "a map with url", .keys = webhook_keys };
static const struct key mail_keys[] = {
	{ "to", &emails, NEEDED, "addresses" },
	END
};
static const struct shape mail_receiver = { .what = "a map with to", .keys = mail_keys };
static const struct key service_keys[] = {
	{ "url", &shape_secret, 0, "address of the service, which for some is a secret" },
	{ "token", &shape_secret, 0, "how it knows us" },
	{ "key", &shape_secret, 0, "routing or integration key" },
	{ "account", &shape_text, 0, "account or user" },
	{ "channel", &shape_text, 0, "channel, chat, space or topic" },
	{ "from", &shape_text, 0, "sender" },
	{ "to", &shape_texts, 0, "recipients" },
	{ "region", &shape_text, 0, "where the service runs" },
	END
};
static const struct shape service = { .what = "a map", .keys = service_keys, .group = "service" };

static const struct key receiver_keys[] = {
	{ "log", &log_receiver, 0, "the journal" },
	{ "webhook", &webhook_receiver, 0, "a signed POST" },
	{ "email", &mail_receiver, 0, "mail, through the section email" },
	{ "on_call", &shape_name, LATER, "whoever is on call in this rota" },
	{ "slack", &service, LATER, "a service" },
	{ "teams", &service, LATER, "a service" },
	{ "pagerduty", &service, LATER, "a service" },
	{ "opsgenie", &service, LATER, "a service" },
	{ "alertmanager", &service, LATER, "a service" },
	{ "telegram", &service, LATER, "a service" },
	{ "ntfy", &service, LATER, "a service" },
	{ "mattermost", &service, LATER, "a service" },
	{ "google_chat", &service, LATER, "a service" },
	{ "twilio", &service, LATER, "a service" },
	{ "fallback", &shape_name, 0, "the receiver to try when this one fails" },
	{ "language", &a_language, 0, "en or es" },
	{ "zone", &a_zone, 0, "in which times are told" },
	{ "template", &shape_name, LATER, "name of a template" },
	END
};
static const struct shape a_receiver = { .what = "a map with log, webhook or email", .keys = receiver_keys, .some = true };
static const struct shape receivers = { .what = "a map of names to receivers", .values = &a_receiver, .names = is_name };

static const struct key email_keys[] = {
	{ "smtp", &a_smtp_url, NEEDED, "the mail server" },
	{ "from", &a_mailbox, NEEDED, "sender" },
	{ "tls", &a_tls, 0, "require, starttls or none" },
	{ "user", &shape_text, 0, "for authentication" },
	{ "password", &shape_secret, 0, "for authentication" },
	{ "ca_file", &shape_path, 0, "PEM certificates to trust instead of the system's" },
	END
};
static const struct shape email = { .what = "a map with smtp and from", .keys = email_keys };

/* ---- the root; sources, maps and templates are in keys_sources.c ---- */

static const struct key root_keys[] = {
	{ "include", &paths, 0, "globs of files that add named entries" },
	{ "server", &server, 0, "what listens" },
	{ "store", &store, 0, "what is kept" },
	{ "calendars", &calendars, 0, "opening hours by name" },
	{ "defaults", &defaults, 0, "what holds where nothing else is said" },
	{ "policies", &policies, 0, "what is promised" },
	{ "contracts", &contracts, 0, "to whom" },
	{ "escalations", &escalations, 0, "who is told when" },
	{ "receivers", &receivers, 0, "where alerts go" },
	{ "email", &email, 0, "the mail server" },
	{ "sources", &schema_sources, 0, "where events come from" },
	{ "maps", &schema_maps, LATER, "foreign payloads to ticket events" },
	{ "templates", &schema_templates, LATER, "texts of alerts" },
	END
};
const struct shape schema_root = { .what = "a map of sections", .keys = root_keys };
