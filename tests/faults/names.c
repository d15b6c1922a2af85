/*
 * Preloaded: names under .test are answered by a file, PLAZO_NAMES, that is read at each question: lines of NAME ANSWER SECONDS. An answer is an address,
 * or one of "none", "again", "fail"; it comes after so many seconds. All other names go the usual way.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int lookup_fn(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out);

struct answer { char text[64]; unsigned seconds; };

/* A name that the file does not know is like one that nobody has. */
static struct answer answer_of(const char *node)
{
	const char *path = getenv("PLAZO_NAMES");
	FILE *f = path != NULL ? fopen(path, "r") : NULL;
	struct answer a = { "none", 0 }, line;
	char name[64];

	while (f != NULL && fscanf(f, "%63s %63s %u", name, line.text, &line.seconds) == 3)
		if (strcmp(name, node) == 0)
			a = line;
	if (f != NULL)
		fclose(f);
	return a;
}

static int error_of(const char *text)
{
	static const struct { const char *text; int error; } errors[] = { { "none", EAI_NONAME }, { "again", EAI_AGAIN }, { "fail", EAI_FAIL } };

	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strcmp(text, errors[i].text) == 0)
			return errors[i].error;
	return 0;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	lookup_fn *usual = (lookup_fn *)dlsym(RTLD_NEXT, "getaddrinfo");
	size_t len = node != NULL ? strlen(node) : 0;

	/* Whether a text is an address is seen without asking anybody. */
	if (len < 5 || strcmp(node + len - 5, ".test") != 0 || (hints != NULL && (hints->ai_flags & AI_NUMERICHOST) != 0))
		return usual(node, service, hints, out);

	struct answer a = answer_of(node);

	sleep(a.seconds);
	return error_of(a.text) != 0 ? error_of(a.text) : usual(a.text, service, hints, out);
}
