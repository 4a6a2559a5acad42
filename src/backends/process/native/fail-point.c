/*
 * Named fail points; `src/base/fail-point.ts` lists them and says what they are for. Passings are counted over the spawner
 * and all that it forks, so the count lies in memory that they share. What we were told is not told to commands.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "native.h"

bool fail_point_armed;

static struct {
  char name[64];
  const char *notes; /* a folder where whoever is about to die leaves its pid; NULL: nobody asks */
  unsigned long at, *passed;
} armed;

void arm_fail_point(void) {
  const char *told = getenv("FIXPOINT_FAIL_POINT"), *notes = getenv("FIXPOINT_FAIL_NOTES");
  if (!told) return;
  const char *at = strchr(told, '@');
  void *shared = mmap(NULL, sizeof *armed.passed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at && (size_t)(at - told) < sizeof armed.name && shared != MAP_FAILED) {
    memcpy(armed.name, told, (size_t)(at - told));
    armed.at = strtoul(at + 1, NULL, 10);
    armed.notes = notes ? strdup(notes) : NULL;
    armed.passed = shared;
    fail_point_armed = true;
  }
  unsetenv("FIXPOINT_FAIL_POINT");
  unsetenv("FIXPOINT_FAIL_NOTES");
}

/* Also in the child of a vfork: nothing is allocated. */
void pass_fail_point(const char *name, pid_t dies) {
  if (strcmp(name, armed.name) != 0) return;
  if (__atomic_add_fetch(armed.passed, 1, __ATOMIC_SEQ_CST) != armed.at) return;
  char path[PATH_MAX], line[32];
  if (armed.notes && snprintf(path, sizeof path, "%s/%s@%lu", armed.notes, name, armed.at) < (int)sizeof path) {
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file >= 0) {
      (void)!write(file, line, (size_t)snprintf(line, sizeof line, "%d\n", dies));
      close(file);
    }
  }
  kill(dies, SIGKILL);
}
