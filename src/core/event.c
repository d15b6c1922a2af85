/*
 * The journal's form of an event: a version, a byte each for type and flags, the instants, and the texts that are there. A mask says
 * which of the optional texts follow; `set` says which attributes do.
 */
#include "core/event.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/expect.h"
#include "base/limits.h"
#include "base/reader.h"
#include "base/siphash.h"
#include "base/xalloc.h"

#define EVENT_VERSION 1

const char *const event_type_names[EVENT_N_TYPES + 1] = {
	[EVENT_OPENED] = "opened",
	[EVENT_CHANGED] = "changed",
	[EVENT_REPLIED] = "replied",
	[EVENT_ACKNOWLEDGED] = "acknowledged",
	[EVENT_ATTENDED] = "attended",
	[EVENT_RESOLVED] = "resolved",
	[EVENT_REOPENED] = "reopened",
	[EVENT_CLOSED] = "closed",
	[EVENT_CANCELLED] = "cancelled",
	[EVENT_MERGED] = "merged",
	[EVENT_WAIVED] = "waived",
	[EVENT_EXTENDED] = "extended",
};

const char *const role_names[ROLE_N + 1] = {
	[ROLE_SYSTEM] = "system",
	[ROLE_CUSTOMER] = "customer",
	[ROLE_AGENT] = "agent",
};

const char *const mode_names[MODE_N + 1] = {
	[MODE_NONE] = "",
	[MODE_REMOTE] = "remote",
	[MODE_ONSITE] = "onsite",
};

const char *const attr_names[ATTR_N + 1] = {
	[ATTR_CONTRACT] = "contract",
	[ATTR_PRIORITY] = "priority",
	[ATTR_KIND] = "kind",
	[ATTR_STATUS] = "status",
	[ATTR_CATEGORY] = "category",
	[ATTR_SERVICE] = "service",
	[ATTR_SITE] = "site",
	[ATTR_TEAM] = "team",
	[ATTR_ASSIGNEE] = "assignee",
	[ATTR_TIER] = "tier",
	[ATTR_REQUESTER] = "requester",
	[ATTR_ORGANIZATION] = "organization",
	[ATTR_DOMAIN] = "domain",
	[ATTR_TAGS] = "tags",
	[ATTR_SUBJECT] = "subject",
	[ATTR_URL] = "url",
};

int name_index(const char *const *names, struct str s)
{
	for (int i = 0; names[i] != NULL; i++) {
		if (str_eqz(s, names[i]))
			return i;
	}
	return -1;
}

/* Texts besides id and ticket, which every event has. Bit i of the mask says that text i follows. */
enum { TEXT_NS, TEXT_SOURCE, TEXT_ACTOR, TEXT_INTO, TEXT_METRIC, TEXT_REASON, N_TEXTS };

static const size_t text_places[N_TEXTS] = {
	[TEXT_NS] = offsetof(struct event, ns),
	[TEXT_SOURCE] = offsetof(struct event, source),
	[TEXT_ACTOR] = offsetof(struct event, actor),
	[TEXT_INTO] = offsetof(struct event, into),
	[TEXT_METRIC] = offsetof(struct event, metric),
	[TEXT_REASON] = offsetof(struct event, reason),
};

static struct str *text_of(struct event *e, unsigned i)
{
	return (struct str *)(void *)((char *)e + text_places[i]);
}

static struct str text_in(const struct event *e, unsigned i)
{
	return *(const struct str *)(const void *)((const char *)e + text_places[i]);
}

void event_expect(const struct event *e)
{
	expect_bytes(e, sizeof(*e));
}

void event_expect_texts(const struct event *e)
{
	expect_bytes(e->sealed.p, e->sealed.len);
}

/* role in bits 0 and 1, mode in 2 and 3, then the flags; the highest bit is free and must be 0. */
enum { FLAG_MODE_SHIFT = 2, FLAG_PRIVATE = 0x10, FLAG_AUTOMATED = 0x20, FLAG_QUIET = 0x40, FLAG_ALL = 0x7f };

static uint8_t flags_of(const struct event *e)
{
	unsigned f = (unsigned)e->role | (unsigned)e->mode << FLAG_MODE_SHIFT;

	f |= e->is_private ? FLAG_PRIVATE : 0;
	f |= e->automated ? FLAG_AUTOMATED : 0;
	f |= e->quiet ? FLAG_QUIET : 0;
	return (uint8_t)f;
}

static unsigned texts_of(const struct event *e)
{
	unsigned texts = 0;

	for (unsigned i = 0; i < N_TEXTS; i++)
		texts |= text_in(e, i).len != 0 ? 1u << i : 0;
	return texts;
}

/* The bytes that its form has at most. */
static size_t most_of(const struct event *e)
{
	size_t n_texts = 2 + N_TEXTS, len = e->id.len + e->ticket.len;

	for (unsigned i = 0; i < N_TEXTS; i++)
		len += text_in(e, i).len;
	for (uint32_t left = e->set; left != 0; left &= left - 1, n_texts++)
		len += e->attr[__builtin_ctz(left)].len;
	/* The head, then instants, fingerprint, span and set. */
	return 4 + 5 * VARINT_MAX + n_texts * VARINT_MAX + len;
}

static char *write_text(char *p, struct str s)
{
	p = varint_write(p, s.len);
	if (s.len != 0)
		memcpy(p, s.p, s.len);
	return p + s.len;
}

#define HEAD_MAX (4 + 3 * VARINT_MAX)

/* What stands before the id, besides version, type and `at`. */
struct head { unsigned flags, texts; struct wall received; uint32_t body; };

static struct head head_of(const struct event *e)
{
	return (struct head){ flags_of(e), texts_of(e), e->received, e->body };
}

/* These give the end of what they write. */
static char *write_head(char *p, const struct event *e, struct head h)
{
	char head[4] = { EVENT_VERSION, (char)e->type, (char)h.flags, (char)h.texts };

	memcpy(p, head, sizeof(head));
	p = varint_write(p + sizeof(head), zigzag(h.received.ms));
	p = varint_write(p, zigzag((int64_t)((uint64_t)e->at.ms - (uint64_t)h.received.ms)));   /* near each other: short */
	return varint_write(p, h.body);
}

/* From the id up to where the source stands, or would. */
static char *write_names(char *p, const struct event *e)
{
	p = write_text(p, e->id);
	p = write_text(p, e->ticket);
	return e->ns.len != 0 ? write_text(p, e->ns) : p;
}

/* What stands behind the source. */
static char *write_rest(char *p, const struct event *e, unsigned texts)
{
	for (texts &= ~(1u << TEXT_NS | 1u << TEXT_SOURCE); texts != 0; texts &= texts - 1)
		p = write_text(p, text_in(e, (unsigned)__builtin_ctz(texts)));
	if (e->type == EVENT_EXTENDED)
		p = varint_write(p, zigzag(e->by_ms));
	p = varint_write(p, e->set);
	for (uint32_t left = e->set; left != 0; left &= left - 1)
		p = write_text(p, e->attr[__builtin_ctz(left)]);
	return p;
}

static char *write_event(char *p, const struct event *e)
{
	struct head h = head_of(e);

	p = write_names(write_head(p, e, h), e);
	if (e->source.len != 0)
		p = write_text(p, e->source);
	return write_rest(p, e, h.texts);
}

static char *write_sealed(char *p, const struct event *e)
{
	p = write_head(p, e, head_of(e));
	memcpy(p, e->sealed.p, e->sealed.len);
	return p + e->sealed.len;
}

void event_encode(const struct event *e, struct buf *out)
{
	bool is_sealed = e->sealed.len != 0;
	char *p = buf_room(out, is_sealed ? HEAD_MAX + e->sealed.len : most_of(e));

	if (p != NULL)
		buf_took(out, (size_t)((is_sealed ? write_sealed(p, e) : write_event(p, e)) - p));
}

static bool read_head(struct reader *r, struct event *e, unsigned *texts_out)
{
	uint8_t version = reader_byte(r), type = reader_byte(r), flags = reader_byte(r);
	unsigned role = flags & 3u, mode = flags >> FLAG_MODE_SHIFT & 3u;

	*texts_out = reader_byte(r);
	if (r->bad || version != EVENT_VERSION || type >= EVENT_N_TYPES || flags > FLAG_ALL || *texts_out >> N_TEXTS != 0)
		return false;
	if (role >= ROLE_N || mode >= MODE_N)
		return false;
	e->type = (enum event_type)type;
	e->role = (enum role)role;
	e->mode = (enum mode)mode;
	e->is_private = (flags & FLAG_PRIVATE) != 0;
	e->automated = (flags & FLAG_AUTOMATED) != 0;
	e->quiet = (flags & FLAG_QUIET) != 0;
	return true;
}

static bool read_numbers(struct reader *r, struct event *e)
{
	uint64_t body;

	e->received.ms = reader_zigzag(r);
	e->at.ms = (int64_t)((uint64_t)e->received.ms + (uint64_t)reader_zigzag(r));
	body = reader_varint(r);
	e->body = (uint32_t)body;
	return !r->bad && body <= UINT32_MAX;
}

/* From the id on. Texts that are not there stay as they are. */
static bool read_texts(struct reader *r, struct event *e, unsigned texts)
{
	uint64_t set;

	e->id = reader_bytes(r);
	e->ticket = reader_bytes(r);
	for (; texts != 0; texts &= texts - 1)
		*text_of(e, (unsigned)__builtin_ctz(texts)) = reader_bytes(r);
	if (e->type == EVENT_EXTENDED)
		e->by_ms = reader_zigzag(r);
	set = reader_varint(r);
	if (set >> ATTR_N != 0)
		return false;
	e->set = (uint32_t)set;
	for (uint32_t left = e->set; left != 0; left &= left - 1)
		e->attr[__builtin_ctz(left)] = reader_bytes(r);
	return !r->bad;
}

bool event_decode(struct reader *r, struct event *out)
{
	struct event e = { 0 };
	unsigned texts = 0;

	if (!read_head(r, &e, &texts) || !read_numbers(r, &e) || !read_texts(r, &e, texts))
		return false;
	*out = e;
	return true;
}

/* ---- fingerprint, and what is made with it ---- */

/*
 * The encoded form is canonical, so the fingerprint is that of its bytes, with what does not belong to the body left empty. The parts of the form
 * around the source are given back: it is what the journal's form has besides.
 */
struct bare { char *space, *names, *rest, *end; };

/* Nearly every event fits. */
#define BARE_MOST 768

static struct bare write_bare(const struct event *e, char space[BARE_MOST])
{
	struct head h = { .flags = flags_of(e) & ~(unsigned)FLAG_QUIET, .texts = texts_of(e) & ~(1u << TEXT_SOURCE), .received = e->at };
	struct bare b = { .space = space };
	size_t most = most_of(e);

	if (most > BARE_MOST)
		b.space = xmalloc(most);
	b.names = write_head(b.space, e, h);
	b.rest = write_names(b.names, e);
	b.end = write_rest(b.rest, e, h.texts);
	return b;
}

static uint32_t print_of(const struct bare *b)
{
	static const struct sipkey key = { UINT64_C(0x706c617a6f206576), UINT64_C(0x656e7420626f6479) };
	uint64_t h = siphash64(key, b->space, (size_t)(b->end - b->space));

	return (uint32_t)(h ^ h >> 32);
}

uint32_t event_body(const struct event *e)
{
	char space[BARE_MOST] NOT_ZEROED;
	struct bare b = write_bare(e, space);
	uint32_t print = print_of(&b);

	if (b.space != space)
		free(b.space);
	return print;
}

uint64_t event_ticket_hash(struct sipkey key, struct str ns, struct str ticket)
{
	char text[2 * EVENT_MAX_ID + 1] NOT_ZEROED;
	size_t n = ns.len <= EVENT_MAX_ID ? ns.len : EVENT_MAX_ID;
	size_t m = ticket.len <= EVENT_MAX_ID ? ticket.len : EVENT_MAX_ID;

	if (n > 0)
		memcpy(text, ns.p, n);
	text[n] = '\0';
	if (m > 0)
		memcpy(text + n + 1, ticket.p, m);
	return siphash64(key, text, n + 1 + m);
}

/* The form from the id on. */
static struct str put_sealed(const struct event *e, const struct bare *b, struct arena *a)
{
	size_t n_names = (size_t)(b->rest - b->names), n_rest = (size_t)(b->end - b->rest);
	char *begin = arena_alloc(a, n_names + VARINT_MAX + e->source.len + n_rest), *p = begin + n_names;

	memcpy(begin, b->names, n_names);
	if (e->source.len != 0)
		p = write_text(p, e->source);
	memcpy(p, b->rest, n_rest);
	return (struct str){ begin, (size_t)(p + n_rest - begin) };
}

void event_seal(struct event *e, struct sipkey key, struct arena *a)
{
	char space[BARE_MOST] NOT_ZEROED;
	struct bare b = write_bare(e, space);
	struct reader r;

	e->body = print_of(&b);
	e->sealed = put_sealed(e, &b, a);
	if (b.space != space)
		free(b.space);
	/* The loop has the form to copy: its texts are at hand there, and those of the body need not be fetched. */
	r = reader_of(e->sealed);
	(void)read_texts(&r, e, texts_of(e));
	e->ticket_hash = event_ticket_hash(key, e->ns, e->ticket);
	e->id_hash = siphash64(key, e->id.p, e->id.len);
}
