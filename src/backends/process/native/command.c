#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "native.h"

extern char **environ;

enum { NOT_STARTED = 126, NOT_FOUND = 127, DEFAULT_MODE = 0666 };

/* In the child of a vfork: memory is the parent's, so nothing is allocated and only descriptors are its own. */
static void __attribute__((noinline)) complain(const char *what, const char *name, int error) {
  char line[PATH_MAX + 256];
  int length = snprintf(line, sizeof line, "fixpoint: %s%s: %s\n", what, name, strerror(error));
  if (length > (int)sizeof line) length = (int)sizeof line;
  (void)!write(STDERR_FILENO, line, (size_t)length);
}

static int open_log(const char *path) {
  FAIL_POINT("log.before");
  /* Emptied, then appended to: a log that grows too long may be cut under a running command. */
  return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, DEFAULT_MODE);
}

static const char *value_of(char *const environment[], const char *name) {
  size_t length = strlen(name);
  for (; *environment; environment++)
    if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=') return *environment + length + 1;
  return NULL;
}

/* A script without a first line that says so is one for /bin/sh, as everywhere. */
static void try_program(const char *path, char *const arguments[], char *const environment[], size_t count,
                        char *for_shell[]) {
  execve(path, arguments, environment);
  if (errno != ENOEXEC) return;
  for_shell[0] = "sh";
  for_shell[1] = (char *)path;
  for (size_t i = 1; i <= count; i++) for_shell[i + 1] = arguments[i];
  execve("/bin/sh", for_shell, environment);
}

/* The PATH is the command's own. Comes back with errno if there is no such program. */
static void run_program(char *const arguments[], char *const environment[], size_t count, char *for_shell[]) {
  const char *name = arguments[0];
  if (strchr(name, '/')) {
    try_program(name, arguments, environment, count, for_shell);
    return;
  }
  const char *path = value_of(environment, "PATH");
  int seen = ENOENT;
  for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; path;) {
    const char *colon = strchr(path, ':');
    size_t length = colon ? (size_t)(colon - path) : strlen(path);
    if (length + strlen(name) + sizeof "./" <= PATH_MAX) {
      char candidate[length + strlen(name) + sizeof "./"];
      struct text text = {candidate, 0, sizeof candidate, false};
      put_bytes(&text, length ? path : ".", length ? length : 1);
      put_bytes(&text, "/", 1);
      put_bytes(&text, name, strlen(name) + 1);
      try_program(candidate, arguments, environment, count, for_shell);
      if (errno == EACCES)
        seen = EACCES;
      else if (errno != ENOENT && errno != ENOTDIR) {
        seen = errno;
        break;
      }
    }
    path = colon ? colon + 1 : NULL;
  }
  errno = *name ? seen : ENOENT;
}

static void become_command(const struct order *order, int out, int err, char *const environment[], char *for_shell[]) {
  static const int OURS[] = {SIGPIPE, SIGHUP, SIGINT, SIGCHLD, SIGTERM};
  for (size_t i = 0; i < sizeof OURS / sizeof *OURS; i++) signal(OURS[i], SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  setpgid(0, 0);
  if (dup2(err, STDERR_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0) _exit(NOT_STARTED);
  if (chdir(order->workdir) != 0) {
    complain("the working directory ", order->workdir, errno);
    _exit(NOT_STARTED);
  }
  /* Ours is nowhere already. */
  if (strcmp(order->standard_in, NOWHERE) != 0) {
    int in = open(order->standard_in, O_RDONLY);
    if (in < 0 || dup2(in, STDIN_FILENO) < 0) {
      complain("stdin cannot be read: ", order->standard_in, errno);
      _exit(NOT_STARTED);
    }
    if (in > STDERR_FILENO) close(in);
  }
  char *const *arguments = (char *const *)order->arguments;
  FAIL_POINT_OF("exec.within", getppid());
  run_program(arguments, environment, order->argument_count, for_shell);
  int error = errno;
  complain("", arguments[0], error);
  _exit(error == ENOENT || error == ENOTDIR ? NOT_FOUND : NOT_STARTED);
}

pid_t start_command(const struct order *order, int logs[2]) {
  size_t inherited = 0;
  while (environ[inherited]) inherited++;
  /* The order's own come first and win; the last of one name wins among them. */
  char *environment[inherited + order->environment_count + 1];
  size_t count = 0;
  for (size_t i = order->environment_count; i-- > 0;) {
    const char *own = order->environment[i];
    size_t name = strcspn(own, "=") + 1;
    bool known = false;
    for (size_t j = 0; !known && j < count; j++) known = strncmp(environment[j], own, name) == 0;
    if (!known) environment[count++] = (char *)own;
  }
  size_t own = count;
  for (size_t i = 0; i < inherited; i++) {
    size_t name = strcspn(environ[i], "=") + 1;
    bool known = false;
    for (size_t j = 0; !known && j < own; j++) known = strncmp(environment[j], environ[i], name) == 0;
    if (!known) environment[count++] = environ[i];
  }
  environment[count] = NULL;
  char *for_shell[order->argument_count + 2];
  /* Of an earlier try. */
  for (int i = 0; i < 2; i++)
    if (logs[i] >= 0) close(logs[i]);
  logs[0] = logs[1] = -1;
  if ((logs[0] = open_log(order->standard_out)) < 0 || (logs[1] = open_log(order->standard_err)) < 0) return -1;
  /* While the child of a vfork waits, so do we: only what cannot block for long may be opened there. */
  pid_t child = strcmp(order->standard_in, NOWHERE) == 0 ? vfork() : fork();
  if (child == 0) become_command(order, logs[0], logs[1], environment, for_shell);
  return child;
}
