#include <stdlib.h>

#include "native.h"

/* What a plain attempt needs, in a page or two that nobody has touched before it. */
static struct {
  size_t used;
  char bytes[8192 - sizeof(size_t)];
} room __attribute__((aligned(4096)));

void *take_room(size_t size) {
  /* As large as what is aligned most. */
  size = (size + 7) & ~(size_t)7;
  if (size > sizeof room.bytes || (room.used += size) > sizeof room.bytes) return calloc(1, size);
  return room.bytes + room.used - size;
}
