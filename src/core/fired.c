#include "fired.h"

#include <string.h>

#include "base/reader.h"

/*
 * The bytes: varint number of clocks; for each a byte of HAS_x, the metric's symbol, its cycle, four bytes of verdict, and then as the byte
 * says: n_cleared and n_retracted; the number of steps and for each its symbol, count << 1 | spent and rep; the number of those told who
 * heard that it is over, and of the others, and for each of both its symbol << 1 | breach. There are no more of anything than bytes left,
 * which keeps hostile rows cheap; no other limit is known here, for steps and receivers come and go with the configuration.
 */
#define HAS_SPENT  1
#define HAS_COUNTS 2
#define HAS_STEPS  4
#define HAS_TOLD   8
#define HAS_OVER   16

static uint32_t read_count(struct reader *r)
{
	uint64_t n = reader_varint(r);

	if (n > UINT32_MAX || n > (uint64_t)(r->end - r->p))
		r->bad = true;
	return r->bad ? 0 : (uint32_t)n;
}

static uint32_t read_verdict(struct reader *r)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++)
		v |= (uint32_t)reader_byte(r) << (8 * i);
	return v;
}

static void read_clock(struct reader *r, const struct symbols *syms, struct arena *a, struct fired_clock *fc)
{
	uint8_t has = reader_byte(r);

	fc->sym = (uint32_t)reader_varint(r);
	fc->metric = symbols_text(syms, fc->sym);
	fc->cycle = (uint32_t)reader_varint(r);
	fc->verdict = read_verdict(r);
	fc->breach_spent = has & HAS_SPENT;
	fc->n_cleared = has & HAS_COUNTS ? (uint32_t)reader_varint(r) : 0;
	fc->n_retracted = has & HAS_COUNTS ? (uint32_t)reader_varint(r) : 0;
	fc->n_steps = has & HAS_STEPS ? read_count(r) : 0;
	if (fc->n_steps > 0)
		fc->steps = arena_array(a, fc->n_steps, sizeof(*fc->steps));
	for (uint32_t i = 0; i < fc->n_steps; i++) {
		struct fired_step *s = &fc->steps[i];
		uint64_t n;

		s->sym = (uint32_t)reader_varint(r);
		s->step = symbols_text(syms, s->sym);
		n = reader_varint(r);
		s->count = (uint32_t)(n >> 1);
		s->spent = n & 1;
		s->rep = (uint32_t)reader_varint(r);
	}
	fc->n_over = has & HAS_OVER ? read_count(r) : 0;
	fc->n_told = fc->n_over + (has & HAS_TOLD ? read_count(r) : 0);
	if (fc->n_told > 0)
		fc->told = arena_array(a, fc->n_told, sizeof(*fc->told));
	for (uint32_t i = 0; i < fc->n_told; i++) {
		uint64_t v = reader_varint(r);

		fc->told[i] = (struct told){ symbols_text(syms, (uint32_t)(v >> 1)), (uint32_t)(v >> 1), v & 1 };
	}
}

bool fired_read(struct str bytes, const struct symbols *syms, struct arena *a, struct fired *out)
{
	struct reader r = reader_of(bytes);

	*out = (struct fired){ .arena = a };
	if (bytes.len == 0)
		return true;
	out->n = read_count(&r);
	out->v = arena_array(a, out->n, sizeof(*out->v));
	for (uint32_t i = 0; i < out->n && !r.bad; i++)
		read_clock(&r, syms, a, &out->v[i]);
	return !r.bad && r.p == r.end;
}

/* Of one that was read the number is known. */
static uint32_t take(struct symbols *syms, uint32_t sym, struct str text)
{
	if (sym == 0)
		return symbols_take(syms, text);
	symbols_keep(syms, sym, 1);
	return sym;
}

static char *write_clock(char *p, const struct fired_clock *fc, struct symbols *syms)
{
	bool counts = fc->n_cleared > 0 || fc->n_retracted > 0;

	*p++ = (char)((fc->breach_spent ? HAS_SPENT : 0) | (counts ? HAS_COUNTS : 0) | (fc->n_steps > 0 ? HAS_STEPS : 0) |
		      (fc->n_told > fc->n_over ? HAS_TOLD : 0) | (fc->n_over > 0 ? HAS_OVER : 0));
	p = varint_write(p, take(syms, fc->sym, fc->metric));
	p = varint_write(p, fc->cycle);
	for (unsigned i = 0; i < 4; i++)
		*p++ = (char)(fc->verdict >> (8 * i));
	if (counts) {
		p = varint_write(p, fc->n_cleared);
		p = varint_write(p, fc->n_retracted);
	}
	if (fc->n_steps > 0)
		p = varint_write(p, fc->n_steps);
	for (uint32_t i = 0; i < fc->n_steps; i++) {
		const struct fired_step *s = &fc->steps[i];

		p = varint_write(p, take(syms, s->sym, s->step));
		p = varint_write(p, (uint64_t)s->count << 1 | s->spent);
		p = varint_write(p, s->rep);
	}
	if (fc->n_over > 0)
		p = varint_write(p, fc->n_over);
	if (fc->n_told > fc->n_over)
		p = varint_write(p, fc->n_told - fc->n_over);
	for (uint32_t i = 0; i < fc->n_told; i++)
		p = varint_write(p, (uint64_t)take(syms, fc->told[i].sym, fc->told[i].receiver) << 1 | fc->told[i].breach);
	return p;
}

/* Bytes that it takes at most. */
static size_t most_of(const struct fired_clock *fc)
{
	return 5 + (7 + 3 * (size_t)fc->n_steps + fc->n_told) * VARINT_MAX;
}

void fired_write(const struct fired *f, struct symbols *syms, struct buf *out)
{
	if (f->n == 0)
		return;
	buf_put_varint(out, f->n);
	for (uint32_t i = 0; i < f->n; i++) {
		char *p = buf_room(out, most_of(&f->v[i]));

		buf_took(out, (size_t)(write_clock(p, &f->v[i], syms) - p));
	}
}

static void copy_varints(struct reader *r, unsigned n, struct buf *out)
{
	for (unsigned i = 0; i < n; i++)
		buf_put_varint(out, reader_varint(r));
}

static uint32_t copy_count(struct reader *r, bool there, struct buf *out)
{
	uint32_t n = there ? read_count(r) : 0;

	if (there)
		buf_put_varint(out, n);
	return n;
}

static void translate_clock(struct reader *r, history_map_fn *map, void *ctx, struct buf *out)
{
	uint8_t has = reader_byte(r);
	uint32_t n;

	buf_putc(out, (char)has);
	buf_put_varint(out, map(ctx, (uint32_t)reader_varint(r)));
	copy_varints(r, 1, out);
	for (unsigned i = 0; i < 4; i++)
		buf_putc(out, (char)reader_byte(r));
	if (has & HAS_COUNTS)
		copy_varints(r, 2, out);
	n = copy_count(r, has & HAS_STEPS, out);
	for (uint32_t k = 0; k < n; k++) {
		buf_put_varint(out, map(ctx, (uint32_t)reader_varint(r)));
		copy_varints(r, 2, out);
	}
	n = copy_count(r, has & HAS_OVER, out);
	n += copy_count(r, has & HAS_TOLD, out);
	for (uint32_t k = 0; k < n; k++) {
		uint64_t v = reader_varint(r);

		buf_put_varint(out, (uint64_t)map(ctx, (uint32_t)(v >> 1)) << 1 | (v & 1));
	}
}

bool fired_translate(struct str bytes, history_map_fn *map, void *ctx, struct buf *out)
{
	struct reader r = reader_of(bytes);
	uint32_t n;

	if (bytes.len == 0)
		return true;
	n = read_count(&r);
	buf_put_varint(out, n);
	for (uint32_t i = 0; i < n && !r.bad; i++)
		translate_clock(&r, map, ctx, out);
	return !r.bad && r.p == r.end && buf_ok(out);
}

static void drop_clock(struct reader *r, struct symbols *syms)
{
	uint8_t has = reader_byte(r);
	uint32_t n;

	symbols_drop(syms, (uint32_t)reader_varint(r));
	(void)reader_varint(r);
	(void)read_verdict(r);
	for (unsigned i = 0; has & HAS_COUNTS && i < 2; i++)
		(void)reader_varint(r);
	n = has & HAS_STEPS ? read_count(r) : 0;
	for (uint32_t i = 0; i < n; i++) {
		symbols_drop(syms, (uint32_t)reader_varint(r));
		(void)reader_varint(r);
		(void)reader_varint(r);
	}
	n = has & HAS_OVER ? read_count(r) : 0;
	n += has & HAS_TOLD ? read_count(r) : 0;
	for (uint32_t i = 0; i < n; i++)
		symbols_drop(syms, (uint32_t)(reader_varint(r) >> 1));
}

void fired_drop(struct str bytes, struct symbols *syms)
{
	struct reader r = reader_of(bytes);
	uint32_t n = bytes.len > 0 ? read_count(&r) : 0;

	for (uint32_t i = 0; i < n; i++)
		drop_clock(&r, syms);
}

struct fired_clock *fired_find(struct fired *f, struct str metric, uint32_t cycle)
{
	for (uint32_t k = 0, i = f->near; k < f->n; k++, i++) {
		struct fired_clock *fc = &f->v[i = i < f->n ? i : 0];

		if (fc->cycle == cycle && str_eq(fc->metric, metric)) {
			f->near = i;
			return fc;
		}
	}
	return NULL;
}

struct fired_clock *fired_add(struct fired *f, struct str metric, uint32_t cycle)
{
	if (f->n >= f->cap) {
		f->cap = f->n + 4;
		f->v = arena_grow(f->arena, f->v, f->n, f->cap, sizeof(*f->v));
	}
	f->changed = true;
	f->v[f->n] = (struct fired_clock){ .metric = metric, .cycle = cycle };
	return &f->v[f->n++];
}

struct fired_step *fired_find_step(const struct fired_clock *fc, struct str step)
{
	for (uint32_t i = 0; fc != NULL && i < fc->n_steps; i++)
		if (str_eq(fc->steps[i].step, step))
			return &fc->steps[i];
	return NULL;
}

struct fired_step *fired_step(struct fired *f, struct fired_clock *fc, struct str step)
{
	struct fired_step *s = fired_find_step(fc, step);

	if (s != NULL)
		return s;
	fc->steps = arena_grow(f->arena, fc->steps, fc->n_steps, fc->n_steps + 1, sizeof(*fc->steps));
	f->changed = true;
	fc->steps[fc->n_steps] = (struct fired_step){ .step = step };
	return &fc->steps[fc->n_steps++];
}

void fired_tell(struct fired *f, struct fired_clock *fc, struct str receiver, bool breach)
{
	struct told new = { receiver, 0, breach };
	uint32_t i = 0;

	f->changed = true;
	while (i < fc->n_told && !str_eq(fc->told[i].receiver, receiver))
		i++;
	if (i < fc->n_told && i >= fc->n_over) {
		fc->told[i].breach |= breach;
		return;
	}
	if (i < fc->n_told) {
		new.breach |= fc->told[i].breach;
		memmove(&fc->told[i], &fc->told[i + 1], (fc->n_told - i - 1) * sizeof(*fc->told));
		fc->n_over--;
		fc->n_told--;
	} else {
		fc->told = arena_grow(f->arena, fc->told, fc->n_told, fc->n_told + 1, sizeof(*fc->told));
	}
	fc->told[fc->n_told++] = new;
}

void fired_over(struct fired *f, struct fired_clock *fc)
{
	uint32_t n = 0;

	f->changed = true;
	for (uint32_t i = 0; i < fc->n_told; i++)
		if (fc->told[i].breach)
			fc->told[n++] = fc->told[i];
	fc->n_told = fc->n_over = n;
}

void fired_retract(struct fired *f, struct fired_clock *fc)
{
	uint32_t n = 0;

	f->changed = true;
	for (uint32_t i = fc->n_over; i < fc->n_told; i++) {
		fc->told[n] = fc->told[i];
		fc->told[n++].breach = false;
	}
	fc->n_told = n;
	fc->n_over = 0;
}
