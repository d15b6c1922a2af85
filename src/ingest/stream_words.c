/* Errors of Redis 6 to 8 and of what speaks its protocol. Knows words alone; what follows from them is stream.c's. */
#include "stream_words.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char      *prefix;       /* a whole word, or words */
	enum stream_word word;
} table[] = {
	{ "BUSYGROUP",                       WORD_GROUP_EXISTS },
	{ "NOGROUP",                         WORD_NO_GROUP },
	{ "UNBLOCKED",                       WORD_NO_GROUP },
	{ "ERR no such key",                 WORD_NO_KEY },
	{ "NOAUTH",                          WORD_REFUSED },
	{ "WRONGPASS",                       WORD_REFUSED },
	{ "NOPERM",                          WORD_REFUSED },
	{ "WRONGTYPE",                       WORD_REFUSED },
	{ "DENIED",                          WORD_REFUSED },      /* protected mode */
	{ "NOPROTO",                         WORD_REFUSED },
	{ "MOVED",                           WORD_REFUSED },      /* a cluster: not spoken here */
	{ "CROSSSLOT",                       WORD_REFUSED },
	{ "ERR unknown command",             WORD_REFUSED },
	{ "ERR unknown subcommand",          WORD_REFUSED },
	{ "ERR Unknown subcommand",          WORD_REFUSED },
	{ "ERR wrong number of arguments",   WORD_REFUSED },
	{ "ERR syntax error",                WORD_REFUSED },
	{ "ERR invalid password",            WORD_REFUSED },
	{ "ERR AUTH",                        WORD_REFUSED },      /* a password where none is configured */
	{ "ERR Client sent AUTH",            WORD_REFUSED },
	{ "ERR operation not permitted",     WORD_REFUSED },
	{ "ERR invalid DB index",            WORD_REFUSED },
	{ "ERR DB index is out of range",    WORD_REFUSED },
	{ "ERR SELECT is not allowed",       WORD_REFUSED },
	{ "ERR No such master",              WORD_REFUSED },
	{ "LOADING",                         WORD_TROUBLED },
	{ "BUSY",                            WORD_TROUBLED },
	{ "OOM",                             WORD_TROUBLED },
	{ "READONLY",                        WORD_TROUBLED },
	{ "MASTERDOWN",                      WORD_TROUBLED },
	{ "MISCONF",                         WORD_TROUBLED },
	{ "NOREPLICAS",                      WORD_TROUBLED },
	{ "CLUSTERDOWN",                     WORD_TROUBLED },
	{ "TRYAGAIN",                        WORD_TROUBLED },
	{ "EXECABORT",                       WORD_TROUBLED },
	{ "ERR max number of clients reached", WORD_TROUBLED },
};

enum stream_word stream_word(struct str error)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct str prefix = str_of(table[i].prefix);

		/* BUSY is no BUSYGROUP: a word ends where it ends. */
		if (str_starts(error, prefix) && (error.len == prefix.len || error.p[prefix.len] == ' ' || error.p[prefix.len] == ',' ||
						  error.p[prefix.len] == '.' || error.p[prefix.len] == '\''))
			return table[i].word;
	}
	return WORD_TROUBLED;
}

struct str stream_words(struct str error)
{
	static const char mark[] = ", with args beginning with";
	const char *at = error.len > 0 ? memmem(error.p, error.len, mark, sizeof mark - 1) : NULL;

	return at != NULL ? str_trim((struct str){ error.p, (size_t)(at - error.p) }) : error;
}
