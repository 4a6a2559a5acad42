/*
 * One attempt of one task, from the claim to the exit record: what `attempt.sh` does, in the words of its header. What
 * differs:
 *
 * - it makes the run folder itself, after the claim: nobody else writes into a folder that is claimed;
 * - its session is that of its spawner, so the claim names it, and there is no file `session`: a session for each would
 *   have the scheduler make a group for each, which costs more than all else here;
 * - it is the subreaper of the command: whatever descends from that, wherever it fled, is ended before the record is
 *   written, which says so ("alone"), and what it used is counted exactly;
 * - with no room on the disk before the command it waits, claimed.
 *
 * | phase | left when | to |
 * |---|---|---|
 * | claiming | the claim is somebody's | exit 97 |
 * | claiming | the folder cannot be made | a notice `F`, exit 98 |
 * | claiming | claimed | preparing |
 * | preparing | there is no room | preparing, a second later |
 * | preparing | TERM, or something cannot be made | recording |
 * | preparing | the command is started | running |
 * | running | nothing of it is left | recording |
 * | running | the command has ended and something is left; TERM; walltime | ending |
 * | ending | nothing of it is left | recording |
 * | ending | the grace is over | killing |
 * | killing | nothing of it is left | recording |
 * | recording | there is no room | recording, five seconds later, as long as there is a folder |
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "native.h"

enum { RECORDED = 0, CLAIMED_BY_ANOTHER = 97, NO_RECORD = 98 };
enum { CLAIM_TRIES = 25 /* seconds; the daemon orders again after 30 (`UNCLAIMED_MS`) */ };
enum { NOTICE_BYTES = 4096 /* PIPE_BUF: written as one */, PROBLEM_BYTES = 256 };

static const double ROOM_PAUSE = 1, RECORD_PAUSE = 5, FIRST_LOOK = 0.02, LOOK_PAUSE = 0.2, KILL_PAUSE = 0.05, STUCK_PAUSE = 1;
/* News of a start is worth a notice only where the end does not follow at once. */
static const double START_TOLD_AFTER = 0.05;

enum phase { RUNNING, ENDING, KILLING };

struct attempt {
  const struct host *host;
  const struct order *order;
  unsigned long long start;
  long long claimed_at; /* milliseconds, by the clock of the file system */
  double up0, up1;
  pid_t child;
  int code; /* -1: the command has not ended by itself */
  bool stopped; /* ended by us, while the command still ran */
  bool told; /* the daemon knows that it has started */
  const char *verdict;
  struct rusage used; /* by the command and all that descended from it */
  char problem[PROBLEM_BYTES];
};

static double boot_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Waits so long for a child to end or for TERM: gives the signal, 0 if none came. Neither can be lost: both are blocked. */
static int wait_signal(double seconds) {
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGTERM);
  sigaddset(&ours, SIGCHLD);
  if (seconds < 0) seconds = 0;
  struct timespec limit = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  int got = sigtimedwait(&ours, NULL, &limit);
  return got > 0 ? got : 0;
}

/* True: TERM came within so many seconds. */
static bool cancelled_within(double seconds) {
  double until = boot_clock() + seconds;
  do {
    if (wait_signal(until - boot_clock()) == SIGTERM) return true;
  } while (boot_clock() < until);
  return false;
}

static void notice(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void notice(const char *format, ...) {
  char line[NOTICE_BYTES];
  va_list values;
  va_start(values, format);
  int length = vsnprintf(line, sizeof line, format, values);
  va_end(values);
  FAIL_POINT("notice.before");
  if (length > 0 && length < (int)sizeof line) (void)!write(NOTICES, line, (size_t)length);
  FAIL_POINT("notice.after");
}

static void in_folder(const struct attempt *a, const char *name, char path[PATH_MAX]) {
  snprintf(path, PATH_MAX, "%s/%s", a->order->directory, name);
}

static void fail(struct attempt *a, const char *what, const char *name) {
  if (a->problem[0] == '\0') snprintf(a->problem, sizeof a->problem, "%s%s", what, name);
}

static void tell_user(const struct attempt *a, const char *path, int error) {
  char log[PATH_MAX], line[PATH_MAX + 128];
  in_folder(a, "stderr", log);
  int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) return;
  int length = snprintf(line, sizeof line, "fixpoint: %s: %s\n", path, strerror(error));
  (void)!write(file, line, (size_t)(length < (int)sizeof line ? length : (int)sizeof line));
  close(file);
}

static void tell_started(struct attempt *a) {
  if (a->told) return;
  a->told = true;
  notice("S %s %d %llu %lld\n", a->order->token, getpid(), a->start, a->claimed_at);
}

/* -- claiming ----------------------------------------------------------------------------------------------------- */

static void refuse(const struct attempt *a, const char *path, int error) {
  notice("F %s %s: %s\n", a->order->token, path, strerror(error));
  _exit(NO_RECORD);
}

static void claim(struct attempt *a) {
  const struct order *order = a->order;
  char path[PATH_MAX], text[2048];
  if (strlen(order->directory) > PATH_MAX - 64) refuse(a, order->directory, ENAMETOOLONG);
  in_folder(a, "claim", path);
  FAIL_POINT("claim.before");
  for (int tries = 0;;) {
    int error = make_folders(order->directory, 0700);
    int file = error ? -1 : open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) {
      if (!error) error = errno;
      if (error == EEXIST) _exit(CLAIMED_BY_ANOTHER);
      /* Somebody took the folder away in between: it is made again. */
      if (error != ENOENT && !is_transient(error)) refuse(a, order->directory, error);
      /* Whoever waits longer is ordered anew. */
      if (++tries == CLAIM_TRIES) _exit(NO_RECORD);
      usleep(ROOM_PAUSE * 1e6);
      continue;
    }
    int length = snprintf(text, sizeof text / 2,
                          "{\"token\":\"%s\",\"host\":\"%s\",\"boot\":\"%s\",\"pidns\":\"%s\",\"pid\":%d,\"start\":%llu,"
                          "\"session\":%d}\n",
                          order->token, a->host->name, a->host->boot, a->host->pid_namespace, getpid(), a->start, getsid(0));
    /* Twice: whoever reads it sees whether a byte has changed since. */
    memcpy(text + length, text, (size_t)length);
    length *= 2;
    FAIL_POINT("claim.torn");
    /* It is ours from here on; what cannot be written yet is written when there is room. */
    while (pwrite(file, text, (size_t)length, 0) != length) usleep(ROOM_PAUSE * 1e6);
    FAIL_POINT("claim.after");
    struct stat seen;
    if (fstat(file, &seen) == 0)
      a->claimed_at = (long long)seen.st_mtim.tv_sec * 1000 + seen.st_mtim.tv_nsec / 1000000;
    close(file);
    return;
  }
}

/* -- preparing ---------------------------------------------------------------------------------------------------- */

/* 0, or the errno of what could not be made, and its name. Doing it again changes nothing. */
static int make_folder(const struct attempt *a, char path[PATH_MAX]) {
  const struct order *order = a->order;
  for (size_t i = 0; i < order->folder_count; i++) {
    in_folder(a, order->folders[i], path);
    int error = make_folders(path, 0777);
    if (error) return error;
  }
  for (size_t i = 0; i < order->file_count; i++) {
    const struct file *file = order->files + i;
    if (file->unless_succeeded) continue;
    in_folder(a, file->name, path);
    int error = write_whole(path, file->mode, file->content.text, file->content.length);
    if (error) return error;
    /* What the document says is what it gets, whatever the umask. */
    if (strncmp(file->name, "files/", 6) == 0 && chmod(path, file->mode) != 0) return errno;
    FAIL_POINT("write.after");
  }
  return 0;
}

static int make_places(const struct attempt *a, char path[PATH_MAX]) {
  const struct order *order = a->order;
  const char *parents[] = {order->standard_out, order->standard_err};
  int error = 0;
  snprintf(path, PATH_MAX, "%s", order->workdir);
  if ((error = make_folders(order->workdir, 0777))) return error;
  for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) {
    snprintf(path, PATH_MAX, "%s", parents[i]);
    /* Its own folder is there. */
    if (strncmp(parents[i], order->directory, strlen(order->directory)) == 0) continue;
    if ((error = make_parent(parents[i]))) return error;
  }
  for (size_t i = 0; i < order->made_count; i++) {
    snprintf(path, PATH_MAX, "%s", order->made[i]);
    if ((error = make_folders(order->made[i], 0777))) return error;
  }
  for (size_t i = 0; i < order->displaced_count; i++) {
    snprintf(path, PATH_MAX, "%s", order->displaced[i].path);
    if ((error = displace(order->displaced[i].path, order->displaced[i].into, order->token))) return error;
  }
  return 0;
}

/* False: there is nothing to wait for, since it was cancelled or cannot be prepared. */
static bool prepare(struct attempt *a) {
  char path[PATH_MAX];
  for (;;) {
    int error = make_folder(a, path);
    if (!error) error = make_places(a, path);
    if (!error) FAIL_POINT("exec.before");
    if (!error && (a->child = start_command(a->order)) < 0) {
      error = errno;
      snprintf(path, sizeof path, "%s", a->order->standard_out);
    }
    if (!error) FAIL_POINT("exec.after");
    if (!error) return true;
    if (!is_transient(error)) {
      tell_user(a, path, error);
      fail(a, "SetupFailed", "");
      return false;
    }
    tell_started(a);
    if (cancelled_within(ROOM_PAUSE)) {
      a->verdict = "Cancelled";
      return false;
    }
  }
}

/* -- running ------------------------------------------------------------------------------------------------------ */

/* True: no descendant is left. */
static bool reap(struct attempt *a) {
  for (;;) {
    int status;
    pid_t ended = waitpid(-1, &status, WNOHANG);
    if (ended < 0 && errno == EINTR) continue;
    if (ended < 0) return true;
    if (ended == 0) return false;
    if (ended == a->child) a->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
}

static void run(struct attempt *a) {
  const struct order *order = a->order;
  double limit = order->walltime > 0 ? boot_clock() + order->walltime : 0, deadline = 0, pause = FIRST_LOOK;
  enum phase phase = RUNNING;
  while (!reap(a)) {
    double now = boot_clock();
    bool over = a->code >= 0;
    if (phase == RUNNING && !over && limit && now >= limit) {
      a->verdict = "WallTime";
      a->stopped = true;
    }
    if (phase == RUNNING && (over || a->stopped)) {
      signal_descendants(SIGTERM);
      phase = ENDING;
      deadline = now + order->grace;
    } else if (phase == ENDING && now >= deadline) {
      phase = KILLING;
      pause = KILL_PAUSE;
    }
    if (phase == KILLING) signal_descendants(SIGKILL);
    /* A grandchild that ends tells nobody but its parent, so while ending there is a look now and then. */
    double wait = phase != RUNNING ? pause : limit ? limit - now : 3600;
    if (phase == RUNNING && !a->told && wait > START_TOLD_AFTER) wait = START_TOLD_AFTER;
    if (phase == ENDING && wait > deadline - now) wait = deadline - now;
    int got = wait_signal(wait);
    /* With a code it has ended by itself: what it made counts. */
    if (got == SIGTERM && phase == RUNNING && !reap(a) && a->code < 0) {
      a->verdict = "Cancelled";
      a->stopped = true;
    }
    if (got == 0) tell_started(a);
    if (phase == ENDING && got != SIGCHLD) pause = LOOK_PAUSE;
    /* What hangs in the kernel is waited for without keeping a core busy. */
    if (phase == KILLING && got == 0) pause = STUCK_PAUSE;
  }
}

/* -- recording ---------------------------------------------------------------------------------------------------- */

static void append(char *text, size_t size, size_t *at, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void append(char *text, size_t size, size_t *at, const char *format, ...) {
  va_list values;
  va_start(values, format);
  int length = vsnprintf(text + *at, size - *at, format, values);
  va_end(values);
  if (length > 0) *at += (size_t)length < size - *at ? (size_t)length : size - *at - 1;
}

static long long machine_oom_kills(void) {
  FILE *file = fopen("/proc/vmstat", "re");
  char name[64];
  long long value, found = -1;
  while (file && found < 0 && fscanf(file, "%63s %lld", name, &value) == 2)
    if (strcmp(name, "oom_kill") == 0) found = value;
  if (file) fclose(file);
  return found;
}

static bool succeeded(const struct attempt *a) {
  return strcmp(a->verdict, "Exited") == 0 && a->code == 0 && a->problem[0] == '\0';
}

static long long larger_log(const struct order *order) {
  struct stat out = {0}, err = {0};
  stat(order->standard_out, &out);
  stat(order->standard_err, &err);
  return out.st_size > err.st_size ? out.st_size : err.st_size;
}

/* The record without its checksum and last brace. Room: names are at most 63 characters. */
static char *record_of(struct attempt *a, size_t *length) {
  size_t size = 1024 + a->order->output_count * 256 + sizeof a->problem, stamped = 0;
  char *outputs = malloc(size), *text = malloc(2 * size);
  if (!outputs || !text) _exit(NO_RECORD);
  outputs[0] = '\0';
  if (succeeded(a)) {
    for (size_t i = 0; i < a->order->output_count; i++) {
      const struct output *output = a->order->outputs + i;
      char digest[MAX_DIGEST];
      FAIL_POINT("stamp.before");
      if (!digest_path(a->host, output->path, output->by_stat, digest)) {
        if (!output->optional) fail(a, "MissingOutput ", output->name);
        strcpy(digest, "absent");
      }
      FAIL_POINT("stamp.after");
      append(outputs, size, &stamped, "%s{\"name\":\"%s\",\"digest\":\"%s\"}", i ? "," : "", output->name, digest);
    }
  }
  const struct rusage *used = &a->used;
  double cpu = (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
               (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1e6;
  char code[16] = "null";
  if (a->code >= 0) snprintf(code, sizeof code, "%d", a->code);
  *length = 0;
  append(text, 2 * size, length,
         "{\"version\":1,\"token\":\"%s\",\"verdict\":\"%s\",\"code\":%s,\"problem\":\"%s\",\"up0\":%.3f,\"up1\":%.3f,"
         "\"cpuSeconds\":%.6f,\"maxRssKb\":%ld,\"alone\":true,\"logBytes\":%lld,\"outputs\":[%s]",
         a->order->token, a->verdict, code, a->problem, a->up0, a->up1, cpu, used->ru_maxrss,
         larger_log(a->order), outputs);
  return text;
}

static void leave_traces(const struct attempt *a) {
  char path[PATH_MAX];
  for (size_t i = 0; i < a->order->file_count; i++) {
    const struct file *file = a->order->files + i;
    if (!file->unless_succeeded) continue;
    in_folder(a, file->name, path);
    write_whole(path, file->mode, file->content.text, file->content.length);
  }
}

static void record(struct attempt *a) {
  size_t length;
  char path[PATH_MAX], *text = record_of(a, &length);
  if (!succeeded(a)) leave_traces(a);
  /* Over the record and a line feed, as `cksum` reads it in the shell. */
  text[length] = '\n';
  uint32_t sum = checksum(text, length + 1);
  size_t end = length + (size_t)sprintf(text + length, ",\"sum\":\"%u\"}\n", sum);
  in_folder(a, "exit.json", path);
  /* A full disk must not cost a finished result: it waits for room as long as there is a folder to write to. */
  FAIL_POINT("record.before");
  while (write_whole(path, 0666, text, end) != 0) {
    if (access(a->order->directory, F_OK) != 0 && errno == ENOENT) {
      /* Its own command took the folder away, and the claim with it: that it ran must be known, or it runs again. */
      tell_started(a);
      _exit(NO_RECORD);
    }
    usleep(RECORD_PAUSE * 1e6);
  }
  FAIL_POINT("record.after");
  if (end + 80 < NOTICE_BYTES)
    notice("E %s %lld %s", a->order->token, a->claimed_at, text);
  else
    notice("E %s\n", a->order->token);
}

void run_attempt(const struct host *host, const struct order *order) {
  struct attempt a = {.host = host, .order = order, .code = -1, .verdict = "Exited"};
  a.start = start_ticks(getpid());
  claim(&a);
  a.up0 = a.up1 = boot_clock();
  if (cancelled_within(0))
    a.verdict = "Cancelled";
  else if (prepare(&a))
    run(&a);
  a.up1 = boot_clock();
  getrusage(RUSAGE_CHILDREN, &a.used);
  if (a.code == 137 && !a.stopped && order->oom_kills >= 0 && machine_oom_kills() > order->oom_kills)
    a.verdict = "OutOfMemory";
  record(&a);
  _exit(RECORDED);
}
