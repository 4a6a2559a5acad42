/*
 * The clock of the boot, asked of the kernel itself: the page that the C library reads it from costs whoever was just forked
 * more than the few calls.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "native.h"

enum { TICKS_PER_SECOND = 100 /* what /proc counts in */, JUST_NOW = 10 * TICKS_PER_SECOND };
static const long long TICK = 1000000000 / TICKS_PER_SECOND;
/* More than one reading of the clock may be off from another. */
static const long long DOUBT = 100000;

long long boot_nanoseconds(void) {
  struct timespec now;
  syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
  return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

static unsigned long long tick_of(long long nanoseconds) { return (unsigned long long)(nanoseconds / TICK); }

bool births_are_by_clock(void) {
  struct utsname kernel;
  if (uname(&kernel) != 0 || atoi(kernel.release) < 5 || sysconf(_SC_CLK_TCK) != TICKS_PER_SECOND) return false;
  unsigned long long now = tick_of(boot_nanoseconds()), own = start_ticks(getpid());
  return own <= now && now - own < JUST_NOW;
}

unsigned long long born_after(long long earlier, bool by_clock) {
  unsigned long long first = tick_of(earlier - DOUBT), last = tick_of(boot_nanoseconds() + DOUBT);
  return by_clock && first == last ? first : start_ticks(getpid());
}
