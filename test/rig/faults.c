/* A file system that fails, and a clock that is set, for one tree of processes: preloaded into the program, its shells and
 * their commands. The file that the variable FAULTS names says what holds now, one rule a line:
 *
 *   EIO PATH      nothing below PATH can be read or written
 *   EROFS PATH    nothing below PATH can be changed, also through files that are open already
 *   ENOSPC PATH   nothing below PATH can grow
 *   NFS PATH      what lies below PATH says that it lies on NFS
 *   CLOCK SECONDS the wall clock is that much ahead, or behind
 *
 * It is read anew at every call, so that a test changes the world of programs that run. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

enum use { READ, CHANGE, GROW };

static char *rules(char *text, int size) {
  const char *path = getenv("FAULTS");
  if (!path) return NULL;
  int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return NULL;
  int length = syscall(SYS_read, fd, text, size - 1);
  syscall(SYS_close, fd);
  if (length <= 0) return NULL;
  text[length] = 0;
  return text;
}

static int below(const char *path, const char *folder) {
  size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == 0 || path[length] == '/');
}

static int rule_for(const char *path, const char *name) {
  char text[4096], *rest, *line;
  if (!rules(text, sizeof text)) return 0;
  for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    char *folder = strchr(line, ' ');
    if (!folder) continue;
    *folder++ = 0;
    if (strcmp(line, name) == 0 && below(path, folder)) return 1;
  }
  return 0;
}

/* The error of this use of this path; 0: none. */
static int fault(const char *path, enum use use) {
  if (!getenv("FAULTS")) return 0;
  if (rule_for(path, "EIO")) return EIO;
  if (use != READ && rule_for(path, "EROFS")) return EROFS;
  if (use == GROW && rule_for(path, "ENOSPC")) return ENOSPC;
  return 0;
}

static void full(int dir, const char *path, char *out) {
  out[0] = 0;
  if (path[0] == '/') snprintf(out, 4096, "%s", path);
  else {
    char link[64];
    snprintf(link, sizeof link, dir == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", dir);
    int length = syscall(SYS_readlinkat, AT_FDCWD, link, out, 2000);
    if (length < 0) length = 0;
    snprintf(out + length, 4096 - length, "/%s", path);
  }
}

static int path_fault(int dir, const char *path, enum use use) {
  char name[4096];
  if (!getenv("FAULTS")) return 0;
  full(dir, path, name);
  return fault(name, use);
}

static int fd_fault(int fd, enum use use) {
  char link[64], name[4096];
  if (!getenv("FAULTS")) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int length = syscall(SYS_readlinkat, AT_FDCWD, link, name, sizeof name - 1);
  if (length <= 0 || name[0] != '/') return 0;
  name[length] = 0;
  return fault(name, use);
}

#define FAIL_IF(code) do { int problem = (code); if (problem) { errno = problem; return -1; } } while (0)

static enum use use_of(int flags) {
  if (flags & O_CREAT) return GROW;
  return (flags & O_ACCMODE) == O_RDONLY ? READ : CHANGE;
}

static int there(int dir, const char *path) {
  return syscall(SYS_faccessat, dir, path, F_OK) == 0;
}

static int opened(int dir, const char *path, int flags) {
  enum use use = use_of(flags);
  if (use == GROW && there(dir, path)) use = (flags & O_ACCMODE) == O_RDONLY ? READ : CHANGE;
  return path_fault(dir, path, use);
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(int, #name, const char *, int, ...); \
    va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
    FAIL_IF(opened(AT_FDCWD, path, flags)); \
    return real(path, flags, mode); \
  }
#define OPENAT(name) \
  int name(int dir, const char *path, int flags, ...) { \
    REAL(int, #name, int, const char *, int, ...); \
    va_list list; va_start(list, flags); mode_t mode = va_arg(list, mode_t); va_end(list); \
    FAIL_IF(opened(dir, path, flags)); \
    return real(dir, path, flags, mode); \
  }
OPEN(open) OPEN(open64) OPENAT(openat) OPENAT(openat64)

#define READS(type, name, params, args, ...) \
  type name params { REAL(type, #name, __VA_ARGS__); FAIL_IF(fd_fault(fd, READ)); return real args; }
READS(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n), int, void *, size_t)
READS(ssize_t, pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at), int, void *, size_t, off_t)
READS(ssize_t, pread64, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at), int, void *, size_t, off64_t)

#define WRITES(type, name, params, args, ...) \
  type name params { REAL(type, #name, __VA_ARGS__); FAIL_IF(fd_fault(fd, GROW)); return real args; }
WRITES(ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n), int, const void *, size_t)
WRITES(ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at), int, const void *, size_t, off_t)
WRITES(ssize_t, pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at), int, const void *, size_t, off64_t)
WRITES(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), int, const struct iovec *, int)
WRITES(ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at), int, const struct iovec *, int, off_t)

int fsync(int fd) { REAL(int, "fsync", int); FAIL_IF(fd_fault(fd, CHANGE)); return real(fd); }
int fdatasync(int fd) { REAL(int, "fdatasync", int); FAIL_IF(fd_fault(fd, CHANGE)); return real(fd); }
int ftruncate(int fd, off_t n) { REAL(int, "ftruncate", int, off_t); FAIL_IF(fd_fault(fd, CHANGE)); return real(fd, n); }
int ftruncate64(int fd, off64_t n) { REAL(int, "ftruncate64", int, off64_t); FAIL_IF(fd_fault(fd, CHANGE)); return real(fd, n); }
int mkdir(const char *path, mode_t mode) { REAL(int, "mkdir", const char *, mode_t); if (!there(AT_FDCWD, path)) FAIL_IF(path_fault(AT_FDCWD, path, GROW)); return real(path, mode); }
int unlink(const char *path) { REAL(int, "unlink", const char *); FAIL_IF(path_fault(AT_FDCWD, path, CHANGE)); return real(path); }
int rmdir(const char *path) { REAL(int, "rmdir", const char *); FAIL_IF(path_fault(AT_FDCWD, path, CHANGE)); return real(path); }
int rename(const char *from, const char *to) { REAL(int, "rename", const char *, const char *); FAIL_IF(path_fault(AT_FDCWD, to, CHANGE)); return real(from, to); }

int statfs(const char *path, struct statfs *to) {
  char name[4096];
  REAL(int, "statfs", const char *, struct statfs *);
  int result = real(path, to);
  full(AT_FDCWD, path, name);
  if (result == 0 && rule_for(name, "NFS")) to->f_type = 0x6969;
  return result;
}
int statfs64(const char *path, struct statfs64 *to) {
  char name[4096];
  REAL(int, "statfs64", const char *, struct statfs64 *);
  int result = real(path, to);
  full(AT_FDCWD, path, name);
  if (result == 0 && rule_for(name, "NFS")) to->f_type = 0x6969;
  return result;
}

static long ahead(void) {
  char text[4096], *at;
  if (!rules(text, sizeof text)) return 0;
  at = strstr(text, "CLOCK ");
  return at ? atol(at + 6) : 0;
}
int clock_gettime(clockid_t clock, struct timespec *to) {
  int result = syscall(SYS_clock_gettime, clock, to);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) to->tv_sec += ahead();
  return result;
}
int gettimeofday(struct timeval *restrict to, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  if (to) { to->tv_sec = now.tv_sec; to->tv_usec = now.tv_nsec / 1000; }
  return 0;
}
time_t time(time_t *to) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}
