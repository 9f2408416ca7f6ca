/*
 * What a supervisor of another version may leave to the next one: any bytes are
 * refused or read, never beyond their end, and what was read is written again
 * in a form that reads as the same.
 */

#include "core/base.h"
#include "hapair/supervisor/upgrade_state.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct upgrade_state first, second;

static int
count(void *arg, int fd)
{
	assert(fd != 0);
	++*(unsigned *)arg;
	return 0;
}

static size_t
encode(const struct upgrade_state *s, char *room, size_t len)
{
	struct buf b = buf_writer(room, len);

	upgrade_state_encode(&b, s);
	assert(!b.bad);
	return b.pos;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b = buf_reader(data, size);
	CLEANUP(free_str) char *once = NULL;
	CLEANUP(free_str) char *twice = NULL;
	unsigned n = 0, m = 0;
	size_t room, len;

	if (upgrade_state_decode(&b, &first) < 0)
		return 0;
	assert(upgrade_state_each_fd(&first, count, &n) == 0);
	room = upgrade_state_room(&first);
	once = malloc(room);
	twice = malloc(room);
	len = encode(&first, once, room);
	b = buf_reader(once, len);
	assert(upgrade_state_decode(&b, &second) == 0);
	assert(upgrade_state_each_fd(&second, count, &m) == 0 && n == m);
	assert(encode(&second, twice, room) == len);
	assert(memcmp(once, twice, len) == 0);
	return 0;
}
