/* Records of the journal: whatever stands there is either refused, or an event that is written the same again. */
#include "fuzz.h"
#include "same_event.h"
#include "base/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader in = { data, data + size, false };
	struct event e, back;
	struct buf b;

	buf_init(&b, BUF_NO_MAX);
	while (in.p < in.end && event_decode(&in, &e)) {
		struct reader again;

		HOLDS((unsigned)e.type < EVENT_N_TYPES && (unsigned)e.role < ROLE_N && (unsigned)e.mode < MODE_N);
		buf_reset(&b);
		event_encode(&e, &b);
		again = reader_of(buf_str(&b));
		HOLDS(event_decode(&again, &back) && again.p == again.end);
		HOLDS(same_event(&e, &back) && e.received.ms == back.received.ms);
	}
	buf_finish(&b);
	return 0;
}
