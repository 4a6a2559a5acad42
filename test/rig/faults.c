/* A file system that fails, and a clock that is set, for one tree of processes: preloaded into the program, its shells and
 * their commands. The file that the variable FAULTS names says what holds now, one rule a line:
 *
 *   EIO PATH      nothing below PATH can be read or written
 *   EROFS PATH    nothing below PATH can be changed, also through files that are open already
 *   ENOSPC PATH   nothing below PATH can grow
 *   NFS PATH      what lies below PATH says that it lies on NFS
 *   CLOCK SECONDS the wall clock is that much ahead, or behind
 *
 * It is read anew at every call, so that a test changes the world of programs that run. Who met a rule is noted beside it, in
 * FAULTS.met: `WHAT PATH`, a tab, and the command line of the process. A fault that nobody met proves nothing. */
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

/* Without our own `syscall`. */
static long kernel(long number, long a, long b, long c, long d, long e, long f) {
  REAL(long, "syscall", long, ...);
  return real(number, a, b, c, d, e, f);
}
#define KERNEL(number, a, b, c, d) kernel(SYS_##number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static int slurp(const char *path, char *text, int size) {
  int fd = KERNEL(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  int length = fd < 0 ? 0 : KERNEL(read, fd, text, size - 1, 0);
  if (fd >= 0) KERNEL(close, fd, 0, 0, 0);
  text[length > 0 ? length : 0] = 0;
  return length > 0 ? length : 0;
}

static void note(const char *what, const char *path) {
  char file[4096], line[2 * 4096];
  snprintf(file, sizeof file, "%s.met", getenv("FAULTS"));
  int length = snprintf(line, sizeof line - 512, "%s %s\t", what, path);
  if (length > (int)sizeof line - 512) return;
  int held = slurp("/proc/self/cmdline", line + length, 500);
  for (int i = 0; i < held; i++)
    if (line[length + i] == 0 || line[length + i] == '\n') line[length + i] = ' ';
  line[length + held] = '\n';
  int fd = KERNEL(openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return;
  KERNEL(write, fd, line, length + held + 1, 0);
  KERNEL(close, fd, 0, 0, 0);
}

static char *rules(char *text, int size) {
  const char *path = getenv("FAULTS");
  if (!path) return NULL;
  return slurp(path, text, size) ? text : NULL;
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
    if (strcmp(line, name) == 0 && below(path, folder)) {
      note(name, path);
      return 1;
    }
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
    int length = KERNEL(readlinkat, AT_FDCWD, link, out, 2000);
    if (length < 0) length = 0;
    snprintf(out + length, 4096 - length, "/%s", path);
  }
  for (char *dot; (dot = strstr(out, "/./"));) memmove(dot, dot + 2, strlen(dot + 2) + 1);
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
  int length = KERNEL(readlinkat, AT_FDCWD, link, name, sizeof name - 1);
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
  return KERNEL(faccessat, dir, path, F_OK, 0) == 0;
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

#define FOPEN(name) \
  FILE *name(const char *restrict path, const char *restrict mode) { \
    REAL(FILE *, #name, const char *restrict, const char *restrict); \
    int problem = opened(AT_FDCWD, path, mode[0] == 'r' ? O_RDONLY : O_CREAT | O_WRONLY); \
    if (problem) { errno = problem; return NULL; } \
    return real(path, mode); \
  }
FOPEN(fopen) FOPEN(fopen64)

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

/* What makes, changes or looks at a name. */
#define NAMED(name, params, args, problem, ...) \
  int name params { REAL(int, #name, __VA_ARGS__); FAIL_IF(problem); return real args; }
#define AT(use, path) path_fault(AT_FDCWD, path, use)
#define MADE(dir, path) (there(dir, path) ? 0 : path_fault(dir, path, GROW))
NAMED(mkdir, (const char *path, mode_t mode), (path, mode), MADE(AT_FDCWD, path), const char *, mode_t)
NAMED(mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode), MADE(dir, path), int, const char *, mode_t)
NAMED(creat, (const char *path, mode_t mode), (path, mode), opened(AT_FDCWD, path, O_CREAT | O_WRONLY), const char *, mode_t)
NAMED(creat64, (const char *path, mode_t mode), (path, mode), opened(AT_FDCWD, path, O_CREAT | O_WRONLY), const char *, mode_t)
NAMED(unlink, (const char *path), (path), AT(CHANGE, path), const char *)
NAMED(unlinkat, (int dir, const char *path, int how), (dir, path, how), path_fault(dir, path, CHANGE), int, const char *, int)
NAMED(rmdir, (const char *path), (path), AT(CHANGE, path), const char *)
NAMED(chmod, (const char *path, mode_t mode), (path, mode), AT(CHANGE, path), const char *, mode_t)
NAMED(fchmod, (int fd, mode_t mode), (fd, mode), fd_fault(fd, CHANGE), int, mode_t)
NAMED(truncate, (const char *path, off_t n), (path, n), AT(CHANGE, path), const char *, off_t)
NAMED(symlink, (const char *to, const char *path), (to, path), AT(GROW, path), const char *, const char *)
NAMED(symlinkat, (const char *to, int dir, const char *path), (to, dir, path), path_fault(dir, path, GROW), const char *, int, const char *)
NAMED(link, (const char *from, const char *to), (from, to), AT(GROW, to), const char *, const char *)
static int moved(int from, const char *path, int to, const char *into) {
  int problem = path_fault(from, path, CHANGE);
  return problem ? problem : path_fault(to, into, CHANGE);
}
NAMED(rename, (const char *from, const char *to), (from, to), moved(AT_FDCWD, from, AT_FDCWD, to), const char *, const char *)
NAMED(renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), moved(a, from, b, to), int, const char *, int, const char *)
NAMED(renameat2, (int a, const char *from, int b, const char *to, unsigned how), (a, from, b, to, how), moved(a, from, b, to), int, const char *, int, const char *, unsigned)
NAMED(access, (const char *path, int how), (path, how), AT(READ, path), const char *, int)
NAMED(faccessat, (int dir, const char *path, int how, int flags), (dir, path, how, flags), path_fault(dir, path, READ), int, const char *, int, int)
NAMED(stat, (const char *path, struct stat *to), (path, to), AT(READ, path), const char *, struct stat *)
NAMED(stat64, (const char *path, struct stat64 *to), (path, to), AT(READ, path), const char *, struct stat64 *)
NAMED(lstat, (const char *path, struct stat *to), (path, to), AT(READ, path), const char *, struct stat *)
NAMED(lstat64, (const char *path, struct stat64 *to), (path, to), AT(READ, path), const char *, struct stat64 *)
NAMED(fstatat, (int dir, const char *path, struct stat *to, int how), (dir, path, to, how), path_fault(dir, path, READ), int, const char *, struct stat *, int)
NAMED(fstatat64, (int dir, const char *path, struct stat64 *to, int how), (dir, path, to, how), path_fault(dir, path, READ), int, const char *, struct stat64 *, int)
NAMED(statx, (int dir, const char *restrict path, int how, unsigned mask, struct statx *restrict to), (dir, path, how, mask, to), path_fault(dir, path, READ), int, const char *restrict, int, unsigned, struct statx *restrict)

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
  static pid_t noted;
  char text[4096], *at;
  if (!rules(text, sizeof text)) return 0;
  at = strstr(text, "CLOCK ");
  if (at && noted != getpid()) {
    noted = getpid();
    note("CLOCK", "");
  }
  return at ? atol(at + 6) : 0;
}
static int clock_now(clockid_t clock, struct timespec *to) {
  int result = KERNEL(clock_gettime, clock, to, 0, 0);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) to->tv_sec += ahead();
  return result;
}
int clock_gettime(clockid_t clock, struct timespec *to) { return clock_now(clock, to); }

/* A file that has just been written would have got its time from the clock that is set. */
int fstat(int fd, struct stat *to) {
  struct timespec now;
  REAL(int, "fstat", int, struct stat *);
  int result = real(fd, to);
  if (result == 0 && S_ISREG(to->st_mode) && KERNEL(clock_gettime, CLOCK_REALTIME, &now, 0, 0) == 0 && now.tv_sec - to->st_mtim.tv_sec <= 1)
    to->st_mtim.tv_sec += ahead();
  return result;
}

/* What is asked of the kernel itself. */
long syscall(long number, ...) {
  long w[6];
  va_list list;
  va_start(list, number);
  for (int i = 0; i < 6; i++) w[i] = va_arg(list, long);
  va_end(list);
  if (number == SYS_clock_gettime) return clock_now((clockid_t)w[0], (struct timespec *)w[1]);
  if (number == SYS_statx) FAIL_IF(*(const char *)w[1] ? path_fault((int)w[0], (const char *)w[1], READ) : 0);
  return kernel(number, w[0], w[1], w[2], w[3], w[4], w[5]);
}
int gettimeofday(struct timeval *restrict to, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_now(CLOCK_REALTIME, &now) != 0) return -1;
  if (to) { to->tv_sec = now.tv_sec; to->tv_usec = now.tv_nsec / 1000; }
  return 0;
}
time_t time(time_t *to) {
  struct timespec now;
  clock_now(CLOCK_REALTIME, &now);
  if (to) *to = now.tv_sec;
  return now.tv_sec;
}
