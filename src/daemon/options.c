#include "daemon/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <event2/event.h>
#include <sqlite3.h>

#define CONFIG_DEFAULT "/etc/plazo/plazod.yaml"

static const char usage[] =
	"usage: plazod [-c FILE] [-t] [-V] [--dry-run] [--socket PATH] [--log-level LEVEL]\n"
	"  -c, --config FILE    the configuration (" CONFIG_DEFAULT ")\n"
	"  -t, --check          check the configuration and exit: 0 fine, 78 not\n"
	"  -V, --version        print versions and exit\n"
	"      --dry-run        decide and log, send nothing and read no stream; the database is PATH.dry-run\n"
	"      --socket PATH    the control socket, instead of server.socket (/run/plazo/plazod.sock)\n"
	"      --log-level L    error, warn, notice, info (the default) or debug\n"
	"  -h, --help           this\n"
	"Runs in the foreground and logs to standard error. SIGHUP reloads, SIGTERM ends.\n";

enum { OPT_DRY_RUN = 256, OPT_SOCKET, OPT_LOG_LEVEL };

static const struct option longs[] = {
	{ "config",    required_argument, NULL, 'c' },
	{ "check",     no_argument,       NULL, 't' },
	{ "version",   no_argument,       NULL, 'V' },
	{ "help",      no_argument,       NULL, 'h' },
	{ "dry-run",   no_argument,       NULL, OPT_DRY_RUN },
	{ "socket",    required_argument, NULL, OPT_SOCKET },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ NULL, 0, NULL, 0 },
};

static void print_versions(void)
{
	printf("plazod %s\nlibevent %s\nlibcurl %s\nSQLite %s\n", PLAZO_VERSION, event_get_version(),
	       curl_version_info(CURLVERSION_NOW)->version, sqlite3_libversion());
}

static enum log_level level_of(const char *name)
{
	static const struct { const char *name; enum log_level level; } levels[] = {
		{ "error", LOG_LEVEL_ERROR }, { "warn", LOG_LEVEL_WARN }, { "notice", LOG_LEVEL_NOTICE },
		{ "info", LOG_LEVEL_INFO }, { "debug", LOG_LEVEL_DEBUG },
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(name, levels[i].name) == 0)
			return levels[i].level;
	fprintf(stderr, "plazod: no such log level: %s\n%s", name, usage);
	exit(EXIT_USAGE);
}

void options_parse(int argc, char **argv, struct options *out)
{
	int c;

	*out = (struct options){ .config = CONFIG_DEFAULT, .log_level = LOG_LEVEL_INFO };
	while ((c = getopt_long(argc, argv, "c:tVh", longs, NULL)) != -1) {
		switch (c) {
		case 'c': out->config = optarg; break;
		case 't': out->check = true; break;
		case 'V': print_versions(); exit(0);
		case 'h': fputs(usage, stdout); exit(0);
		case OPT_DRY_RUN: out->dry_run = true; break;
		case OPT_SOCKET: out->socket = optarg; break;
		case OPT_LOG_LEVEL: out->log_level = level_of(optarg); break;
		default: fputs(usage, stderr); exit(EXIT_USAGE);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "plazod: what is '%s'?\n%s", argv[optind], usage);
		exit(EXIT_USAGE);
	}
}
