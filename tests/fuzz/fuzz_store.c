/*
 * Databases that a disk gave back otherwise than it took them. The input is a list of changes to a good one: each cuts it short, or writes a few
 * bytes at some place. What is then read is what was written, or it is refused: no damaged event, row or revision is ever handed on.
 */
#include "fuzz.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/engine.h"
#include "store/store.h"

#define N_EVENTS 40
#define MAX_CHANGES 16

static char dir[64], path[96];
static uint8_t *good;
static size_t good_len;

/* ---- what is in it ---- */

static struct str text_of(char room[600], const char *what, unsigned i)
{
	int n = snprintf(room, 600, "%s %u %0*u", what, i, (int)(i * 37 % 500), i);

	return (struct str){ room, (size_t)n };
}

static void nothing(void *ctx, const struct store_done *done)
{
	(void)ctx;
	(void)done;
}

static void fill(struct store *st)
{
	char room[600], name[16];

	for (unsigned i = 0; i < N_EVENTS; i++) {
		struct store_append job = { .record = text_of(room, "event", i), .cookie = i + 1 };

		HOLDS(store_append(st, &job) == ERR_OK);
		store_push(st);
		if (i % 8 == 0) {
			struct store_revision r = { .from = { i }, .digest = i, .text = text_of(room, "revision", i) };

			HOLDS(store_put_revision(st, &r, 0) == ERR_OK);
		}
		snprintf(name, sizeof(name), "T-%u", i);

		struct ticket_row row = { .ns = STR("n"), .ticket = str_of(name), .contract = STR("acme"), .row = text_of(room, "row", i), .over_at = WALL_NEVER, .seq = i };
		struct delivery d = { .id = str_of(name), .receiver = STR("l1"), .type = STR("sla.breach"), .ns = STR("n"), .ticket = str_of(name),
				      .body = STR("{}"), .due = WALL_NEVER, .settled = WALL_NEVER };

		HOLDS(store_save(st, &row, 0) == ERR_OK);
		HOLDS(store_put_delivery(st, &d, 0) == ERR_OK);
	}
}

static void read_all(void)
{
	FILE *f = fopen(path, "rb");
	struct stat st;

	HOLDS(f != NULL && fstat(fileno(f), &st) == 0);
	good_len = (size_t)st.st_size;
	good = malloc(good_len);
	HOLDS(good != NULL && fread(good, 1, good_len, f) == good_len);
	fclose(f);
}

static void leave(void)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
	rmdir(dir);
}

/* Made once a process, in memory where there is a file system for it. */
static void make_good(void)
{
	struct store_options opt = { .path = path };
	struct store *st = NULL;
	struct diag why = { 0 };

	snprintf(dir, sizeof(dir), "%s/plazo-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	HOLDS(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/db", dir);
	HOLDS(store_open(&opt, &st, &why) == ERR_OK);
	HOLDS(store_start(st, &why) == ERR_OK);
	fill(st);
	store_poll(st, nothing, NULL);
	HOLDS(store_close(st, &why) == ERR_OK);
	read_all();
	atexit(leave);
}

/* ---- what is read back ---- */

static bool is_one_of(struct str got, const char *what)
{
	char room[600];

	for (unsigned i = 0; i < N_EVENTS; i++)
		if (str_eq(got, text_of(room, what, i)))
			return true;
	return false;
}

static enum err on_revision(void *ctx, const struct store_revision *r, struct diag *d)
{
	(void)ctx;
	(void)d;
	HOLDS(is_one_of(r->text, "revision"));
	return ERR_OK;
}

static enum err on_ticket(void *ctx, const struct ticket_row *row, struct diag *d)
{
	(void)ctx;
	(void)d;
	HOLDS(is_one_of(row->row, "row"));
	return ERR_OK;
}

static enum err on_event(void *ctx, uint64_t seq, struct str record, struct diag *d)
{
	char room[600];

	(void)ctx;
	(void)d;
	HOLDS(seq >= 1 && seq <= N_EVENTS && str_eq(record, text_of(room, "event", (unsigned)seq - 1)));
	return ERR_OK;
}

static enum err on_delivery(void *ctx, const struct delivery *row, struct diag *d)
{
	(void)ctx;
	(void)d;
	HOLDS((unsigned)row->state < DELIVERY_N_STATES);
	return ERR_OK;
}

static void change(struct input *in, uint8_t *bytes, size_t *len)
{
	size_t at = (size_t)(input_number(in, 3) % good_len);
	uint8_t how = input_byte(in);

	if (how == 0) {
		*len = at;
		return;
	}
	for (size_t i = 0; i < how % 8u && at + i < *len; i++)
		bytes[at + i] ^= input_byte(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store_loader loader = { .revision = on_revision, .ticket = on_ticket, .event = on_event, .delivery = on_delivery };
	struct input in = { data, size };
	struct store_options opt = { .path = path };
	struct store *st = NULL;
	struct diag why = { 0 };
	struct buf row;
	uint8_t *bytes;
	size_t len;
	FILE *f;

	if (good == NULL)
		make_good();
	bytes = malloc(good_len);
	len = good_len;
	HOLDS(bytes != NULL);
	memcpy(bytes, good, good_len);
	for (int i = 0; i < MAX_CHANGES && in.left > 0; i++)
		change(&in, bytes, &len);
	f = fopen(path, "wb");
	HOLDS(f != NULL && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
	free(bytes);
	buf_init(&row, BUF_NO_MAX);
	if (store_open(&opt, &st, &why) == ERR_OK) {
		if (store_load(st, &loader, &why) == ERR_OK && store_fetch(st, STR("n"), STR("T-7"), &row, &why) == ERR_OK)
			HOLDS(is_one_of(buf_str(&row), "row"));
		(void)store_close(st, &why);
	} else {
		HOLDS(why.msg[0] != '\0');
	}
	buf_finish(&row);
	return 0;
}
