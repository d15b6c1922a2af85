/* What a Redis server's error means for the reader of a stream: a table of the words that errors begin with. */
#ifndef PLAZO_INGEST_STREAM_WORDS_H
#define PLAZO_INGEST_STREAM_WORDS_H

#include "base/str.h"

enum stream_word {
	WORD_TROUBLED,     /* the server cannot now, or not this one: come again, sentinels asked anew. What is not in the table, too */
	WORD_REFUSED,      /* it says no, and will until somebody changes something */
	WORD_NO_GROUP,     /* group or stream are gone: they are made again */
	WORD_GROUP_EXISTS,
	WORD_NO_KEY,
};

/* Of the text behind '-'. */
enum stream_word stream_word(struct str error);

/* The text up to where some servers repeat the arguments of a command that they do not know: AUTH has a password among them. */
struct str stream_words(struct str error);

#endif
