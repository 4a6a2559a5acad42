#include <stdlib.h>

#include "native.h"

ssize_t cut_fields(char *payload, size_t length, struct field **fields) {
  size_t count = 0, room = 64;
  struct field *found = malloc(room * sizeof *found);
  for (size_t at = 0; found && at < length;) {
    size_t size = 0, digits = 0;
    for (; at < length && payload[at] >= '0' && payload[at] <= '9' && digits < 12; at++, digits++)
      size = size * 10 + (size_t)(payload[at] - '0');
    if (digits == 0 || at >= length || payload[at] != ':' || size >= length - at - 1 || payload[at + 1 + size] != ',')
      return free(found), -1;
    if (count == room) {
      struct field *more = realloc(found, (room *= 2) * sizeof *found);
      if (!more) return free(found), -1;
      found = more;
    }
    found[count++] = (struct field){payload + at + 1, size};
    payload[at + 1 + size] = '\0';
    at += size + 2;
  }
  if (!found) return -1;
  *fields = found;
  return (ssize_t)count;
}
