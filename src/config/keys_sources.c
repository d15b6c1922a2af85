/* The schema of sources, maps and templates. */
#include "keys.h"

#include "scalar.h"

static const char *const verify_words[] = { "standard-webhooks", "hub-signature-256", "hub-signature", "zendesk", "glpi",
					    "token", "bearer", "basic", "none", NULL };
static const char *const as_words[] = { "string", "number", "time", "list", "bool", NULL };
static const char *const cursor_words[] = { "group", "own", NULL };

static const struct shape a_verify = { .what = "a word", .words = verify_words };
static const struct shape an_as = { .what = "a word", .words = as_words };
static const struct shape a_cursor = { .what = "a word", .words = cursor_words };
static const struct shape a_header = { .what = "the name of a header", .scalar = is_header_name };
static const struct shape a_host_port = { .what = "an address such as 127.0.0.1:26379", .scalar = is_host_port };
static const struct shape host_ports = { .what = "an address such as 127.0.0.1:26379, or a list of them", .scalar = is_host_port,
					 .items = &a_host_port, .some = true };

static const struct key verify_keys[] = {
	{ "kind", &a_verify, NEEDED, "how a request is proven" },
	{ "secret", &shape_secrets, 0, "one, or two while one is rotated out" },
	{ "header", &a_header, 0, "of token: the header that holds the secret" },
	{ "user", &shape_name, 0, "of basic: the user's name" },
	END
};
static const struct shape verify = { .what = "a map with kind", .keys = verify_keys };
static const struct key source_webhook_keys[] = {
	{ "verify", &verify, NEEDED, "how a request is proven" },
	END
};
static const struct shape source_webhook = { .what = "a map with verify", .keys = source_webhook_keys };
static const struct key redis_keys[] = {
	{ "url", &shape_secret, 0, "redis://host:6379/0, rediss://host:6380/0 or unix:///run/redis/redis.sock?db=0" },
	{ "stream", &shape_texts, NEEDED, "name of the stream, or a list of them" },
	{ "group", &shape_text, 0, "consumer group; plazo when not given" },
	{ "cursor", &a_cursor, 0, "group, or own: the last id is kept in the journal" },
	{ "user", &shape_text, 0, "of an ACL; with a password" },
	{ "password", &shape_secret, 0, "for authentication" },
	{ "sentinels", &host_ports, 0, "host:port, or a list of them: who knows where the server is" },
	{ "master", &shape_text, 0, "of sentinels: their name for the server" },
	{ "sentinel_user", &shape_text, 0, "of sentinels that want one" },
	{ "sentinel_password", &shape_secret, 0, "of sentinels that want one" },
	{ "ca_file", &shape_path, 0, "of rediss: PEM certificates to trust instead of the system's" },
	{ "takeover", &shape_duration, 0, "what a consumer of the group has read and not acknowledged for so long is taken over; 60s" },
	END
};
static const struct shape redis = { .what = "a map with url and stream", .keys = redis_keys };
static const struct key source_keys[] = {
	{ "webhook", &source_webhook, 0, "events come by POST /v1/events/NAME" },
	{ "redis", &redis, 0, "events come from streams of a Redis server" },
	{ "namespace", &shape_name, 0, "of its tickets; sources may share one" },
	{ "map", &shape_name, LATER, "how foreign payloads become events" },
	{ "contracts", &shape_names, 0, "which it may touch; without it, all" },
	{ "grace", &shape_duration_or_0, 0, "alerts wait so long for events under way" },
	END
};
static const struct shape a_source = { .what = "a map with webhook or redis", .keys = source_keys, .some = true };
const struct shape schema_sources = { .what = "a map of names to sources", .values = &a_source, .names = is_name };

static const struct shape table = { .what = "a map of texts to texts", .values = &shape_text };
static const struct key field_keys[] = {
	{ "at", &shape_text, 0, "JSON pointer" },
	{ "first", &shape_texts, 0, "JSON pointers, of which the first that leads somewhere holds" },
	{ "as", &an_as, 0, "string, number, time, list or bool" },
	{ "table", &table, 0, "what becomes of which value; \"*\" is any other" },
	END
};
static const struct shape a_field = { .what = "a pointer, or a map with at or first", .scalar = is_text, .keys = field_keys,
				      .some = true };
static const struct shape a_map = { .what = "a map of fields", .values = &a_field, .names = is_name };
const struct shape schema_maps = { .what = "a map of names to maps", .values = &a_map, .names = is_name };
static const struct shape a_template = { .what = "a text", .scalar = is_long_text };
const struct shape schema_templates = { .what = "a map of names to texts", .values = &a_template, .names = is_name };
