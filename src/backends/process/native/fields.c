#include "native.h"

unsigned long long number_in(const char *text) {
  unsigned long long number = 0;
  for (; *text >= '0' && *text <= '9'; text++) number = number * 10 + (unsigned long long)(*text - '0');
  return number;
}

/* The size of the first netstring, and where its text begins; false where there is none. */
static bool netstring(const char *payload, size_t length, size_t *at, size_t *size) {
  size_t digits = 0;
  *size = 0;
  for (; *at < length && payload[*at] >= '0' && payload[*at] <= '9' && digits < 12; ++*at, digits++)
    *size = *size * 10 + (size_t)(payload[*at] - '0');
  if (digits == 0 || *at >= length || payload[*at] != ':') return false;
  ++*at;
  return *size < length - *at && payload[*at + *size] == ',';
}

ssize_t cut_fields(char *payload, size_t length, struct field **fields) {
  size_t count = 0, size;
  for (size_t at = 0; at < length; at += size + 1, count++)
    if (!netstring(payload, length, &at, &size)) return -1;
  struct field *field = *fields = take_room(count * sizeof *field);
  if (!field) return -1;
  for (size_t at = 0; at < length; at += size + 1, field++) {
    netstring(payload, length, &at, &size);
    *field = (struct field){payload + at, size};
    payload[at + size] = '\0';
  }
  return (ssize_t)count;
}
