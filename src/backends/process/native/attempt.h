/* What the parts of a supervisor know of the attempt that they run: attempt.c, notice.c, record.c. */
#ifndef FIXPOINT_ATTEMPT_H
#define FIXPOINT_ATTEMPT_H

#include <string.h>
#include <sys/resource.h>

#include "native.h"

/* How a supervisor exits. */
enum { RECORDED = 0, CLAIMED_BY_ANOTHER = 97, NO_RECORD = 98 };
enum { NOTICE_BYTES = 4096 /* PIPE_BUF: written as one */, PROBLEM_BYTES = 256 };

struct attempt {
  const struct host *host;
  const struct order *order;
  unsigned long long start;
  long long claimed_at; /* milliseconds, by the clock of the file system */
  long long up0, up1;   /* milliseconds since the machine started */
  pid_t child;
  int logs[2]; /* open as long as we are: where they lie may change; -1: never opened */
  int code; /* -1: the command has not ended by itself */
  bool stopped; /* ended by us, while the command still ran */
  bool told; /* the daemon knows that it has started */
  const char *verdict;
  struct rusage used; /* by the command and all that descended from it */
  char problem[PROBLEM_BYTES];
};

/* Room for the path of something in the run folder. */
#define IN_FOLDER(path, a, name) \
  char path[strlen((a)->order->directory) + strlen(name) + 2]; \
  name_in_folder(path, (a)->order->directory, name)

void name_in_folder(char *path, const char *folder, const char *name);

/* -- attempt.c ----------------------------------------------------------------------------------------------------- */

/* True: TERM came within so many seconds. */
bool cancelled_within(double seconds);

/* -- notice.c: what the daemon and the user are told --------------------------------------------------------------- */

/* `KIND TOKEN `, and what the caller says. */
void begin_notice(struct text *line, const char *kind, const struct attempt *a);
void send_notice(const struct text *line);
void tell_started(struct attempt *a);
/* The run folder can never be made. */
void refuse(const struct attempt *a, const char *path, int error) __attribute__((noreturn));
/* In the log of the attempt: this could not be made. */
void tell_user(const struct attempt *a, const char *path, int error);

/* -- record.c ------------------------------------------------------------------------------------------------------ */

/* What went wrong first is what counts. */
void fail(struct attempt *a, const char *what, const char *name);
/* Writes the exit record and says so. */
void record(struct attempt *a);

#endif
