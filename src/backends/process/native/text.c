/*
 * Text that is put together in a room of its own. `printf` would do, but each attempt is a fork: every page that it is the
 * first to touch, of its own or of a library, costs it a fault, and that of floating point and formats is a dozen.
 */
#include <string.h>

#include "native.h"

void put_bytes(struct text *text, const char *bytes, size_t length) {
  if (length > text->room - text->length) {
    length = text->room - text->length;
    text->cut = true;
  }
  memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
}

void put(struct text *text, const char *words) { put_bytes(text, words, strlen(words)); }

/* At least so many digits. */
static void put_digits(struct text *text, unsigned long long number, int least) {
  char digits[24];
  int at = sizeof digits;
  for (; number > 0 || least > 0; number /= 10, least--) digits[--at] = (char)('0' + number % 10);
  put_bytes(text, digits + at, sizeof digits - (size_t)at);
}

void put_number(struct text *text, long long number) {
  if (number < 0) put_bytes(text, "-", 1);
  put_digits(text, number < 0 ? -(unsigned long long)number : (unsigned long long)number, 1);
}

void put_thousandths(struct text *text, unsigned long long number, int thousands) {
  unsigned long long one = 1;
  for (int i = 0; i < thousands; i++) one *= 1000;
  put_digits(text, number / one, 1);
  put_bytes(text, ".", 1);
  put_digits(text, number % one, 3 * thousands);
}
