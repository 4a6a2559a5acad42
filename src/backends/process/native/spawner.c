/*
 * The native spawner: what `spawner.sh` is, in C, for machines that had a compiler when Fixpoint was installed. A small
 * resident process forks attempts, so that the daemon, large and single-threaded, never forks; each attempt is
 * supervised by a process of its own, which lives on when this one is killed.
 *
 *   spawner SHELL_RUNTIME HOST BOOT PIDNS PADDING      SHELL_RUNTIME is attempt.sh
 *
 * stdin   frames. `L TOKEN DIR TOKEN`: `attempt.sh` runs what lies in the folder. `A TOKEN LENGTH`, a line feed and so
 *         many bytes of netstrings: an order (`order.c`), run here. `Q LANE ROOM` before one of them: it starts when
 *         fewer than ROOM of this lane run (`lanes.c`). A frame that is not whole
 *         was torn by the death of its sender and is dropped with it.
 * fd 3    notices: `R PID` ready; `S TOKEN PID START CLAIMED` started; `E TOKEN RECORD` ended, the record as in the
 *         file; `F TOKEN WHY` the run folder cannot be made, ever.
 *
 * PADDING, at least a path long, gives each attempt room to say in `ps` what it is: `fixpoint-attempt DIR TOKEN`.
 *
 * At the end of stdin it forgets what has not started, since nobody is there to want it any more, waits for its children
 * and ends. Attempts do not need it to live.
 */
#define _GNU_SOURCE /* ppoll */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native.h"

/* A frame larger than any document may be is no frame of ours. */
static const size_t MAX_FRAME = (size_t)1 << 30;

static char *title;
static size_t title_room, title_used;
static int nowhere;

/*
 * Both are blocked from the start, but while the spawner waits: what it forks is born so, and asks for them when it is
 * ready (`wait_signal`).
 */
static void heed_signals(int how) {
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGTERM);
  sigaddset(&ours, SIGCHLD);
  sigprocmask(how, &ours, NULL);
}

static void name_attempt(const char *directory, const char *token) {
  static const char WORD[] = "fixpoint-attempt";
  /* A path that does not fit is cut, and the last byte stays 0, or the kernel would read on. */
  struct text text = {title, 0, title_room - 1, false};
  put_bytes(&text, WORD, sizeof WORD);
  put_bytes(&text, directory, strlen(directory) + 1);
  put(&text, token);
  /* What is not there any more is not touched: the rest of the room is empty. */
  if (text.length < title_used) memset(title + text.length, 0, title_used - text.length);
}

/*
 * Without what the C library does around a fork for programs with threads, which this is not: that writes into four pages,
 * on both sides, and each of them has to be copied then.
 */
static pid_t fork_alone(void) {
#ifdef SYS_fork
  return (pid_t)syscall(SYS_fork);
#else
  return fork();
#endif
}

static pid_t fork_patiently(void) {
  for (int tries = 0;; tries++) {
    pid_t child = fork_alone();
    /* A machine out of processes may have one soon; who asked looks again anyway. */
    if (child >= 0 || tries == 20) return child;
    usleep(50000);
  }
}

/* Gives the child's pid, or -1. */
static pid_t launch_native(const struct host *host, const char *token, char *payload, size_t length) {
  long long earlier = boot_nanoseconds();
  pid_t child = fork_patiently();
  if (child != 0) return child;
  unsigned long long start = born_after(earlier, host->births_by_clock);
  dup2(nowhere, STDIN_FILENO);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  struct field *fields;
  struct order order;
  ssize_t count = cut_fields(payload, length, &fields);
  if (count < 0 || !read_order(token, fields, (size_t)count, &order)) {
    dprintf(NOTICES, "F %s the spawner does not understand its order\n", token);
    _exit(98);
  }
  name_attempt(order.directory, token);
  run_attempt(host, &order, start);
}

static pid_t launch_shell(const struct host *host, const char *token, const char *directory) {
  pid_t child = fork_patiently();
  if (child != 0) return child;
  dup2(nowhere, STDIN_FILENO);
  signal(SIGCHLD, SIG_DFL);
  heed_signals(SIG_UNBLOCK);
  char log[4096 + 16];
  snprintf(log, sizeof log, "%s/runtime.log", directory);
  int file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (file >= 0) dup2(file, STDERR_FILENO);
  /* The shell's notices go where ours go. */
  fcntl(NOTICES, F_SETFD, 0);
  signal(SIGPIPE, SIG_DFL);
  execl("/bin/sh", "sh", host->shell_runtime, directory, token, host->name, host->boot, host->pid_namespace,
        (char *)NULL);
  _exit(127);
}

struct input {
  char *bytes;
  size_t held, room;
};

/* False: there is no more. */
static bool read_more(struct input *input) {
  if (input->held == input->room) {
    char *more = realloc(input->bytes, input->room = input->room ? input->room * 2 : 65536);
    if (!more) return false;
    input->bytes = more;
  }
  for (;;) {
    ssize_t got = read(STDIN_FILENO, input->bytes + input->held, input->room - input->held);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    input->held += (size_t)got;
    return true;
  }
}

/* `L TOKEN DIR TOKEN`, its line feed already a NUL. */
static pid_t start_line(const struct host *host, char *line) {
  char *token = line + 2, *directory = strchr(token, ' ');
  if (!directory) return -1;
  *directory++ = '\0';
  char *again = strrchr(directory, ' ');
  if (!again || strcmp(again + 1, token) != 0) return -1;
  *again = '\0';
  return launch_shell(host, token, directory);
}

/* `A TOKEN LENGTH`, a line feed, the payload. */
static pid_t start_order(const struct host *host, char *frame, size_t length) {
  char token[128];
  char *payload = memchr(frame, '\n', length);
  if (!payload) return -1;
  payload++;
  size_t size = strcspn(frame + 2, " ");
  if (size >= sizeof token) return -1;
  memcpy(token, frame + 2, size);
  token[size] = '\0';
  return launch_native(host, token, payload, length - (size_t)(payload - frame));
}

/* Starts what a whole frame asks for; the frame is used up. */
static pid_t start_frame(const struct host *host, char *frame, size_t length) {
  if (strncmp(frame, "A ", 2) == 0) return start_order(host, frame, length);
  frame[length - 1] = '\0';
  return strncmp(frame, "L ", 2) == 0 ? start_line(host, frame) : -1;
}

/* What a `Q` said of the frame after it. */
static struct {
  bool said;
  int lane, room;
} next;

static void take_frame(const struct host *host, char *frame, size_t length) {
  if (strncmp(frame, "Q ", 2) == 0) {
    next.said = sscanf(frame, "Q %d %d\n", &next.lane, &next.room) == 2;
    return;
  }
  FAIL_POINT("receive.before");
  if (!next.said)
    start_frame(host, frame, length);
  else
    wait_in_lane(next.lane, next.room, frame, length);
  next.said = false;
  FAIL_POINT("receive.after");
}

static void start_what_may(const struct host *host) {
  struct waiting *waiting;
  while ((waiting = next_in_lanes()) != NULL) {
    FAIL_POINT("follow.before");
    count_in_lane(waiting->lane, start_frame(host, waiting->frame, waiting->length));
    FAIL_POINT("follow.after");
    free(waiting);
  }
}

/* Whatever ends makes room. */
static void reap(void) {
  pid_t ended;
  while ((ended = waitpid(-1, NULL, WNOHANG)) > 0) leave_lane(ended);
}

/* The length of the first frame: 0 while it is not whole. */
static size_t first_frame(const struct input *input) {
  char *end = memchr(input->bytes, '\n', input->held);
  if (!end) return 0;
  size_t line = (size_t)(end - input->bytes) + 1;
  if (strncmp(input->bytes, "A ", 2) != 0) return line;
  const char *space = memchr(input->bytes + 2, ' ', line - 2);
  size_t length = space ? (size_t)strtoull(space + 1, NULL, 10) : MAX_FRAME;
  if (length >= MAX_FRAME) exit(98);
  return input->held < line + length ? 0 : line + length;
}

static void take_frames(const struct host *host, struct input *input) {
  size_t used = 0, length;
  struct input rest = *input;
  while (rest.held > 0 && (length = first_frame(&rest)) > 0) {
    take_frame(host, rest.bytes, length);
    used += length;
    rest.bytes += length;
    rest.held -= length;
  }
  if (used > 0) memmove(input->bytes, input->bytes + used, input->held -= used);
}

static void wake(int signal) { (void)signal; }

/* An end of a child is seen while waiting, and at no other time. */
static void serve(const struct host *host) {
  sigset_t none;
  sigemptyset(&none);
  heed_signals(SIG_BLOCK);
  signal(SIGCHLD, wake);
  struct input input = {0};
  struct pollfd orders = {STDIN_FILENO, POLLIN, 0};
  for (;;) {
    if (ppoll(&orders, 1, NULL, &none) > 0) {
      if (!read_more(&input)) return;
      take_frames(host, &input);
    }
    reap();
    start_what_may(host);
  }
}

int main(int count, char **words) {
  if (count < 6) return 98;
  const struct host host = {
      .shell_runtime = strdup(words[1]), .name = strdup(words[2]), .boot = strdup(words[3]), .pid_namespace = strdup(words[4]),
      .births_by_clock = births_are_by_clock()};
  arm_fail_point();
  title = words[0];
  title_room = (size_t)(words[count - 1] + strlen(words[count - 1]) + 1 - title);
  /* Only where its own name ends: the arguments stay readable until an attempt needs their room. */
  memset(words[count - 1], 0, strlen(words[count - 1]));
  title_used = (size_t)(words[count - 1] - title);
  nowhere = open(NOWHERE, O_RDONLY | O_CLOEXEC);
  fcntl(NOTICES, F_SETFD, FD_CLOEXEC);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  FAIL_POINT("ready.before");
  dprintf(NOTICES, "R %d\n", getpid());
  FAIL_POINT("ready.after");
  serve(&host);
  heed_signals(SIG_UNBLOCK);
  while (wait(NULL) > 0 || errno == EINTR) continue;
  return 0;
}
