/*
 * The native spawner: what `spawner.sh` is, in C, for machines that had a compiler when Fixpoint was installed. A small
 * resident process forks attempts, so that the daemon, large and single-threaded, never forks; each attempt is
 * supervised by a process of its own, which lives on when this one is killed.
 *
 *   spawner SHELL_RUNTIME HOST BOOT PIDNS PADDING      SHELL_RUNTIME is attempt.sh
 *
 * stdin   frames. `L TOKEN DIR TOKEN`: `attempt.sh` runs what lies in the folder. `A TOKEN LENGTH`, a line feed and so
 *         many bytes of netstrings: an order (`order.c`), run here. A frame that is not whole was torn by the death of
 *         its sender and is dropped with it.
 * fd 3    notices: `R PID` ready; `S TOKEN PID START CLAIMED` started; `E TOKEN RECORD` ended, the record as in the
 *         file; `F TOKEN WHY` the run folder cannot be made, ever.
 *
 * PADDING, at least a path long, gives each attempt room to say in `ps` what it is: `fixpoint-attempt DIR TOKEN`.
 *
 * At the end of stdin it waits for its children and ends. Attempts do not need it to live.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native.h"

/* A frame larger than any document may be is no frame of ours. */
static const size_t MAX_FRAME = (size_t)1 << 30;

static char *title;
static size_t title_room;
static int nowhere;

static void be_child(void) {
  signal(SIGCHLD, SIG_DFL);
  dup2(nowhere, STDIN_FILENO);
}

static void name_attempt(const char *directory, const char *token) {
  memset(title, 0, title_room);
  snprintf(title, title_room, "fixpoint-attempt%c%s%c%s", 0, directory, 0, token);
  /* A path that does not fit is cut, and the last byte stays 0, or the kernel would read on. */
  title[title_room - 1] = '\0';
}

static pid_t fork_patiently(void) {
  for (int tries = 0;; tries++) {
    pid_t child = fork();
    /* A machine out of processes may have one soon; who asked looks again anyway. */
    if (child >= 0 || tries == 20) return child;
    usleep(50000);
  }
}

static void launch_native(const struct host *host, const char *token, char *payload, size_t length) {
  if (fork_patiently() != 0) return;
  be_child();
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGTERM);
  sigaddset(&ours, SIGCHLD);
  sigprocmask(SIG_BLOCK, &ours, NULL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  struct field *fields;
  struct order order;
  ssize_t count = cut_fields(payload, length, &fields);
  if (count < 0 || !read_order(token, fields, (size_t)count, &order)) {
    dprintf(NOTICES, "F %s the spawner does not understand its order\n", token);
    _exit(98);
  }
  name_attempt(order.directory, token);
  run_attempt(host, &order);
}

static void launch_shell(const struct host *host, const char *token, const char *directory) {
  if (fork_patiently() != 0) return;
  be_child();
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
static void take_line(const struct host *host, char *line) {
  char *token = line + 2, *directory = strchr(token, ' ');
  if (!directory) return;
  *directory++ = '\0';
  char *again = strrchr(directory, ' ');
  if (!again || strcmp(again + 1, token) != 0) return;
  *again = '\0';
  FAIL_POINT("receive.before");
  launch_shell(host, token, directory);
  FAIL_POINT("receive.after");
}

/* Gives how many bytes were used: 0 while the first frame is not whole. */
static size_t take_frame(const struct host *host, struct input *input) {
  char *end = memchr(input->bytes, '\n', input->held);
  if (!end) return 0;
  size_t line = (size_t)(end - input->bytes) + 1;
  if (strncmp(input->bytes, "A ", 2) != 0) {
    *end = '\0';
    if (strncmp(input->bytes, "L ", 2) == 0) take_line(host, input->bytes);
    return line;
  }
  const char *space = memchr(input->bytes + 2, ' ', line - 2);
  size_t length = space ? (size_t)strtoull(space + 1, NULL, 10) : MAX_FRAME;
  if (length >= MAX_FRAME) exit(98);
  if (input->held < line + length) return 0;
  char token[128];
  snprintf(token, sizeof token, "%.*s", (int)(space - input->bytes - 2), input->bytes + 2);
  FAIL_POINT("receive.before");
  launch_native(host, token, input->bytes + line, length);
  FAIL_POINT("receive.after");
  return line + length;
}

int main(int count, char **words) {
  if (count < 6) return 98;
  const struct host host = {
      .shell_runtime = strdup(words[1]), .name = strdup(words[2]), .boot = strdup(words[3]), .pid_namespace = strdup(words[4])};
  arm_fail_point();
  title = words[0];
  title_room = (size_t)(words[count - 1] + strlen(words[count - 1]) + 1 - title);
  /* Only where its own name ends: the arguments stay readable until an attempt needs their room. */
  memset(words[count - 1], 0, strlen(words[count - 1]));
  nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  fcntl(NOTICES, F_SETFD, FD_CLOEXEC);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  signal(SIGINT, SIG_IGN);
  /* Nobody asks how they ended: their records say so. */
  signal(SIGCHLD, SIG_IGN);
  FAIL_POINT("ready.before");
  dprintf(NOTICES, "R %d\n", getpid());
  FAIL_POINT("ready.after");
  struct input input = {0};
  while (read_more(&input)) {
    size_t used = 0, one;
    struct input rest = input;
    while (rest.held > 0 && (one = take_frame(&host, &rest)) > 0) {
      used += one;
      rest.bytes += one;
      rest.held -= one;
    }
    if (used > 0) memmove(input.bytes, input.bytes + used, input.held -= used);
  }
  while (wait(NULL) > 0 || errno == EINTR) continue;
  return 0;
}
