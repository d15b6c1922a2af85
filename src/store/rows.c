/* Rows as packed bytes: how they travel between the threads. Nothing of this reaches the disk. */
#include "store/queue.h"
#include "base/reader.h"

const char *const delivery_state_names[DELIVERY_N_STATES + 1] = { "pending", "sent", "suppressed", "dead", NULL };

void pack_str(struct buf *b, struct str s)
{
	buf_put_bytes(b, s);
}

void pack_ticket(struct buf *b, const struct ticket_row *row)
{
	pack_str(b, row->ns);
	pack_str(b, row->ticket);
	pack_str(b, row->contract);
	pack_str(b, row->row);
	buf_put_varint(b, row->over);
	buf_put_zigzag(b, row->over_at.ms);
	buf_put_varint(b, row->seq);
}

void unpack_ticket(struct reader *r, struct ticket_row *out)
{
	out->ns = reader_bytes(r);
	out->ticket = reader_bytes(r);
	out->contract = reader_bytes(r);
	out->row = reader_bytes(r);
	out->over = reader_varint(r) != 0;
	out->over_at.ms = reader_zigzag(r);
	out->seq = reader_varint(r);
}

void pack_delivery(struct buf *b, const struct delivery *row)
{
	pack_str(b, row->id);
	pack_str(b, row->receiver);
	pack_str(b, row->type);
	pack_str(b, row->ns);
	pack_str(b, row->ticket);
	pack_str(b, row->body);
	pack_str(b, row->detail);
	buf_put_zigzag(b, row->created.ms);
	buf_put_zigzag(b, row->at.ms);
	buf_put_zigzag(b, row->due.ms);
	buf_put_zigzag(b, row->next.ms);
	buf_put_zigzag(b, row->settled.ms);
	buf_put_varint(b, (uint64_t)row->state);
	buf_put_varint(b, row->attempts);
	buf_put_zigzag(b, row->status);
	buf_put_varint(b, row->no);
}

void unpack_delivery(struct reader *r, struct delivery *out)
{
	out->id = reader_bytes(r);
	out->receiver = reader_bytes(r);
	out->type = reader_bytes(r);
	out->ns = reader_bytes(r);
	out->ticket = reader_bytes(r);
	out->body = reader_bytes(r);
	out->detail = reader_bytes(r);
	out->created.ms = reader_zigzag(r);
	out->at.ms = reader_zigzag(r);
	out->due.ms = reader_zigzag(r);
	out->next.ms = reader_zigzag(r);
	out->settled.ms = reader_zigzag(r);
	out->state = (enum delivery_state)reader_varint(r);
	out->attempts = (uint32_t)reader_varint(r);
	out->status = (int32_t)reader_zigzag(r);
	out->no = reader_varint(r);
}

void pack_cursor(struct buf *b, const struct store_cursor *c)
{
	pack_str(b, c->source);
	pack_str(b, c->key);
	pack_str(b, c->value);
}

void unpack_cursor(struct reader *r, struct store_cursor *out)
{
	out->source = reader_bytes(r);
	out->key = reader_bytes(r);
	out->value = reader_bytes(r);
}

void pack_refusal(struct buf *b, const struct refusal *row)
{
	buf_put_varint(b, row->no);
	pack_str(b, row->source);
	pack_str(b, row->place);
	buf_put_zigzag(b, row->at.ms);
	pack_str(b, row->why);
	pack_str(b, row->body);
	buf_put_varint(b, row->body_len);
}

void unpack_refusal(struct reader *r, struct refusal *out)
{
	out->no = reader_varint(r);
	out->source = reader_bytes(r);
	out->place = reader_bytes(r);
	out->at.ms = reader_zigzag(r);
	out->why = reader_bytes(r);
	out->body = reader_bytes(r);
	out->body_len = reader_varint(r);
}
