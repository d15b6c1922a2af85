/*
 * From libyaml's events to nodes. Works on events and not on libyaml's documents because those follow aliases, keep duplicate keys
 * and nest without end: a hundred thousand '[' cost it 26 seconds, and us the first seventeen.
 */
#include "node.h"

#include <yaml.h>

#include "base/limits.h"
#include "base/xalloc.h"

struct yaml {
	struct arena    *a;
	const char      *file;
	struct problems *problems;
	yaml_parser_t    parser;
	struct node     *stack[CONFIG_MAX_DEPTH];    /* open maps and lists */
	struct node     *pending[CONFIG_MAX_DEPTH];  /* of an open map: a key that waits for its value */
	size_t           depth;
	struct node     *root;
	bool             failed;
};

static unsigned line_of(yaml_mark_t m) { return (unsigned)m.line + 1; }
static unsigned col_of(yaml_mark_t m) { return (unsigned)m.column + 1; }

static void fail(struct yaml *y, yaml_mark_t at, const char *what)
{
	problems_add(y->problems, false, y->file, line_of(at), col_of(at), "%s", what);
	y->failed = true;
}

/* Errors of libyaml's reader have an offset in place of a mark. */
static void fail_reader(struct yaml *y, struct str text)
{
	unsigned line = 1, col = 1;

	for (size_t i = 0; i < y->parser.problem_offset && i < text.len; i++) {
		if (text.p[i] == '\n') {
			line++;
			col = 1;
		} else if (((unsigned char)text.p[i] & 0xc0u) != 0x80u) {
			col++;
		}
	}
	problems_add(y->problems, false, y->file, line, col, "%s", y->parser.problem);
	y->failed = true;
}

static void fail_libyaml(struct yaml *y, struct str text)
{
	const yaml_parser_t *p = &y->parser;

	y->failed = true;
	if (p->error == YAML_READER_ERROR)
		fail_reader(y, text);
	else
		problems_add(y->problems, false, y->file, line_of(p->problem_mark), col_of(p->problem_mark), "%s%s%s",
			     p->problem != NULL ? p->problem : "not YAML", p->context != NULL ? " " : "",
			     p->context != NULL ? p->context : "");
}

static struct node *make(struct yaml *y, enum node_kind kind, yaml_mark_t at)
{
	struct node *n = node_make(y->a, kind);

	n->file = y->file;
	n->line = line_of(at);
	n->col = col_of(at);
	return n;
}

/* Puts a finished or opened value where it belongs: into the list or under the waiting key on top of the stack. */
static void place(struct yaml *y, struct node *n)
{
	if (y->depth == 0) {
		y->root = n;
		return;
	}
	struct node *top = y->stack[y->depth - 1], **pending = &y->pending[y->depth - 1];

	if (top->kind == NODE_MAP) {
		n->key = (*pending)->text;
		n->key_line = (*pending)->line;
		n->key_col = (*pending)->col;
		*pending = NULL;
	}
	node_append(top, n);
}

static bool wants_key(const struct yaml *y)
{
	return y->depth > 0 && y->stack[y->depth - 1]->kind == NODE_MAP && y->pending[y->depth - 1] == NULL;
}

static void open_node(struct yaml *y, enum node_kind kind, yaml_mark_t at)
{
	if (wants_key(y)) {
		fail(y, at, "a key must be a plain word or a quoted text");
		return;
	}
	if (y->depth == CONFIG_MAX_DEPTH) {
		fail(y, at, "nested deeper than 16 levels");
		return;
	}
	struct node *n = make(y, kind, at);

	place(y, n);
	y->stack[y->depth] = n;
	y->pending[y->depth] = NULL;
	y->depth++;
}

/* Not the end of the parse: what else is wrong shall be told in the same run. */
static void close_map(struct yaml *y)
{
	struct node *map = y->stack[--y->depth], *firsts = NULL;

	if (node_index(y->a, map) == NULL)
		return;
	for (size_t i = 0; i < map->n; i++) {
		struct node *c = map->index[i];

		if (firsts != NULL && str_eq(firsts->key, c->key))
			problems_add(y->problems, false, y->file, c->key_line, c->key_col,
				     "the key '" STR_FMT "' stands twice, first in line %u", STR_ARG(c->key), firsts->key_line);
		else
			firsts = c;
	}
}

static void take_scalar(struct yaml *y, const yaml_event_t *ev)
{
	struct node *n = make(y, NODE_SCALAR, ev->start_mark);
	struct str text = { (const char *)ev->data.scalar.value, ev->data.scalar.length };

	n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->text = arena_str(y->a, text);
	if (memchr(text.p, '\0', text.len) != NULL) {
		fail(y, ev->start_mark, "a NUL character stands in this text");
		return;
	}
	if (!wants_key(y)) {
		place(y, n);
		return;
	}
	if (n->plain && str_eqz(n->text, "<<")) {
		fail(y, ev->start_mark, "merge keys (<<) are not allowed: say it in full");
		return;
	}
	y->pending[y->depth - 1] = n;
}

static bool has_property(const yaml_char_t *anchor, const yaml_char_t *tag)
{
	return anchor != NULL || tag != NULL;
}

/* Refuses what would make one text mean two things. */
static void check_properties(struct yaml *y, const yaml_event_t *ev)
{
	bool bad = false;

	if (ev->type == YAML_ALIAS_EVENT)
		bad = true;
	else if (ev->type == YAML_SCALAR_EVENT)
		bad = has_property(ev->data.scalar.anchor, ev->data.scalar.tag);
	else if (ev->type == YAML_SEQUENCE_START_EVENT)
		bad = has_property(ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
	else if (ev->type == YAML_MAPPING_START_EVENT)
		bad = has_property(ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
	else if (ev->type == YAML_DOCUMENT_START_EVENT)
		bad = ev->data.document_start.tag_directives.start != ev->data.document_start.tag_directives.end;
	if (bad)
		fail(y, ev->start_mark,
		     "anchors (&), aliases (*) and tags (!) are not allowed: put the text in quotes, or say it in full");
}

static void take_event(struct yaml *y, const yaml_event_t *ev)
{
	check_properties(y, ev);
	if (y->failed)
		return;
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (y->root != NULL)
			fail(y, ev->start_mark, "a second document begins here: one file holds one");
		break;
	case YAML_SCALAR_EVENT:
		take_scalar(y, ev);
		break;
	case YAML_MAPPING_START_EVENT:
		open_node(y, NODE_MAP, ev->start_mark);
		break;
	case YAML_SEQUENCE_START_EVENT:
		open_node(y, NODE_LIST, ev->start_mark);
		break;
	case YAML_MAPPING_END_EVENT:
		close_map(y);
		break;
	case YAML_SEQUENCE_END_EVENT:
		y->depth--;
		break;
	default:
		break;
	}
}

/*
 * JSON writes characters beyond U+FFFF as two \u escapes, which YAML does not know; where a file is JSON they become one \U
 * escape of YAML. Gives the text itself when there are none.
 */
static struct str join_surrogates(struct arena *a, struct str text)
{
	size_t at = 0;

	while (at < text.len && strchr(" \t\r\n", text.p[at]) != NULL)
		at++;
	if (at == text.len || text.p[at] != '{' || memmem(text.p, text.len, "\\u", 2) == NULL)
		return text;
	char *out = arena_alloc(a, text.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned hi = 0, lo = 0;
		int used = 0;

		if (text.p[i] == '\\' && i + 12 <= text.len) {
			char quad[13];

			memcpy(quad, text.p + i, 12);
			quad[12] = '\0';
			if (sscanf(quad, "\\u%4x\\u%4x%n", &hi, &lo, &used) == 2 && used == 12 && hi >= 0xd800 && hi < 0xdc00 &&
			    lo >= 0xdc00 && lo < 0xe000) {
				n += (size_t)snprintf(out + n, 11, "\\U%08x", 0x10000u + ((hi - 0xd800u) << 10) + (lo - 0xdc00u));
				i += 11;
				continue;
			}
		}
		out[n++] = text.p[i];
		if (text.p[i] == '\\' && i + 1 < text.len)
			out[n++] = text.p[++i];
	}
	return (struct str){ out, n };
}

static void run(struct yaml *y, struct str text)
{
	bool done = false;

	yaml_parser_set_encoding(&y->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y->parser, (const unsigned char *)text.p, text.len);
	while (!done && !y->failed) {
		yaml_event_t ev;

		if (!yaml_parser_parse(&y->parser, &ev)) {
			fail_libyaml(y, text);
			return;
		}
		done = ev.type == YAML_STREAM_END_EVENT;
		take_event(y, &ev);
		yaml_event_delete(&ev);
	}
}

struct node *yaml_parse(struct arena *a, const char *file, struct str text, struct problems *problems)
{
	struct yaml y = { .a = a, .file = file, .problems = problems };

	if (memchr(text.len ? text.p : "", '\0', text.len) != NULL || !str_is_utf8(text)) {
		problems_add(problems, false, file, 0, 0, "not UTF-8 text");
		return NULL;
	}
	/* Editors of Windows begin a file with a byte order mark; libyaml skips it only when it may guess the encoding. */
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = (struct str){ text.p + 3, text.len - 3 };
	text = join_surrogates(a, text);
	if (!yaml_parser_initialize(&y.parser)) {
		problems_add(problems, false, file, 0, 0, "out of memory");
		return NULL;
	}
	run(&y, text.len ? text : STR(""));
	yaml_parser_delete(&y.parser);
	return y.failed ? NULL : y.root;
}

struct node *yaml_builtin(struct arena *a, const char *text)
{
	struct problems none;

	problems_init(&none);
	struct node *n = yaml_parse(a, NULL, str_of(text), &none);

	/* Each of these texts is read by every test, so it is not the text. */
	if (n == NULL || none.n_errors != 0)
		die_of_memory(strlen(text));
	problems_finish(&none);
	return n;
}
