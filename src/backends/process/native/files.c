#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native.h"

bool is_transient(int error) {
  switch (error) {
    case EAGAIN:
    case EDQUOT:
    case EIO:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOSPC:
    case EROFS:
    case ESTALE:
      return true;
    default:
      return false;
  }
}

int find_folder(const char *path) {
  struct stat seen;
  if (stat(path, &seen) != 0) return errno;
  return S_ISDIR(seen.st_mode) ? 0 : ENOTDIR;
}

/* Most often the folder above is there already, so it is asked for last. */
int make_folders(char *path, mode_t mode) {
  size_t length = strlen(path), end = length;
  if (length == 0 || length >= PATH_MAX) return ENAMETOOLONG;
  int error;
  FAIL_POINT("mkdir.before");
  while ((error = mkdir(path, mode) == 0 ? 0 : errno) == ENOENT) {
    char *slash = strrchr(path, '/');
    if (!slash || slash == path) break;
    *slash = '\0';
    end = (size_t)(slash - path);
  }
  if (error == EEXIST) error = find_folder(path);
  while (end < length) {
    path[end] = '/';
    end = strlen(path);
    if (!error && mkdir(path, mode) != 0 && errno != EEXIST) error = errno;
  }
  if (!error) FAIL_POINT("mkdir.after");
  return error;
}

int make_parent(char *path) {
  char *slash = strrchr(path, '/');
  if (!slash || slash == path) return 0;
  *slash = '\0';
  int error = make_folders(path, 0777);
  *slash = '/';
  return error;
}

int write_whole(const char *path, mode_t mode, const char *text, size_t length) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (file < 0) return errno;
  FAIL_POINT("write.torn");
  int error = 0;
  for (size_t at = 0; at < length && !error;) {
    ssize_t wrote = write(file, text + at, length - at);
    if (wrote > 0)
      at += (size_t)wrote;
    else if (errno != EINTR)
      error = wrote == 0 ? ENOSPC : errno;
  }
  if (close(file) != 0 && !error) error = errno;
  return error;
}

/* Another file system: what `rename` cannot do, `mv` can. */
static int move_by_program(const char *path, const char *into) {
  FAIL_POINT("move.before");
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    execl("/bin/mv", "mv", "-f", "--", path, into, (char *)NULL);
    _exit(127);
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return errno;
  FAIL_POINT("move.after");
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EIO;
}

static int move(const char *path, const char *into) {
  if (rename(path, into) == 0) return 0;
  return errno == EXDEV ? move_by_program(path, into) : errno;
}

int displace(char *path, char *into, const char *token) {
  struct stat seen;
  FAIL_POINT("displace.before");
  if (lstat(path, &seen) != 0) return errno == ENOENT || errno == ENOTDIR ? 0 : errno;
  int error = make_parent(into);
  if (error) return error;
  if (lstat(into, &seen) == 0) {
    char elsewhere[PATH_MAX];
    if ((size_t)snprintf(elsewhere, sizeof elsewhere, "%s.%s", into, token) >= sizeof elsewhere) return ENAMETOOLONG;
    if ((error = move(into, elsewhere))) return error;
  }
  FAIL_POINT("displace.within");
  error = move(path, into);
  FAIL_POINT("displace.after");
  return error;
}
