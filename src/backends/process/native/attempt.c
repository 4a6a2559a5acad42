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
 * | recording | an output cannot be read for now | recording, a second later; TERM: without it, as cancelled |
 * | recording | there is no room | recording, five seconds later, as long as there is a folder |
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attempt.h"

enum { CLAIM_TRIES = 25 /* seconds; the daemon orders again after 30 (`UNCLAIMED_MS`) */ };

static const double ROOM_PAUSE = 1, FIRST_LOOK = 0.02, LOOK_PAUSE = 0.2, KILL_PAUSE = 0.05, STUCK_PAUSE = 1;
/* News of a start is worth a notice only where the end does not follow at once. */
static const double START_TOLD_AFTER = 0.05;

enum phase { RUNNING, ENDING, KILLING };

/* Seconds. */
static double boot_clock(void) { return (double)boot_nanoseconds() / 1e9; }

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

bool cancelled_within(double seconds) {
  double until = boot_clock() + seconds;
  do {
    if (wait_signal(until - boot_clock()) == SIGTERM) return true;
  } while (boot_clock() < until);
  return false;
}

/* -- claiming ----------------------------------------------------------------------------------------------------- */

/* Twice: whoever reads it sees whether a byte has changed since. */
static void put_claim(struct text *text, const struct attempt *a) {
  const char *names[] = {"{\"token\":\"", "\",\"host\":\"", "\",\"boot\":\"", "\",\"pidns\":\""};
  const char *values[] = {a->order->token, a->host->name, a->host->boot, a->host->pid_namespace};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    put(text, names[i]);
    put(text, values[i]);
  }
  put(text, "\",\"pid\":");
  put_number(text, getpid());
  put(text, ",\"start\":");
  put_number(text, (long long)a->start);
  put(text, ",\"session\":");
  put_number(text, getsid(0));
  put(text, "}\n");
  put_bytes(text, text->bytes, text->length);
}

static void claim(struct attempt *a) {
  const struct order *order = a->order;
  TEXT(text, 1536);
  if (strlen(order->directory) > PATH_MAX - 64) refuse(a, order->directory, ENAMETOOLONG);
  IN_FOLDER(path, a, "claim");
  put_claim(&text, a);
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
    FAIL_POINT("claim.torn");
    /* It is ours from here on; what cannot be written yet is written when there is room. */
    while (pwrite(file, text.bytes, text.length, 0) != (ssize_t)text.length) usleep(ROOM_PAUSE * 1e6);
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
static int make_folder(const struct attempt *a, const char **name) {
  const struct order *order = a->order;
  for (size_t i = 0; i < order->folder_count; i++) {
    *name = order->folders[i];
    IN_FOLDER(path, a, *name);
    int error = make_folders(path, 0777);
    if (error) return error;
  }
  for (size_t i = 0; i < order->file_count; i++) {
    const struct file *file = order->files + i;
    if (file->unless_succeeded) continue;
    *name = file->name;
    IN_FOLDER(path, a, *name);
    int error = write_whole(path, file->mode, file->content.text, file->content.length);
    if (error) return error;
    /* What the document says is what it gets, whatever the umask. */
    if (strncmp(file->name, "files/", 6) == 0 && chmod(path, file->mode) != 0) return errno;
    FAIL_POINT("write.after");
  }
  return 0;
}

static int make_places(const struct attempt *a, const char **name) {
  const struct order *order = a->order;
  char *parents[] = {order->standard_out, order->standard_err};
  int error = 0;
  *name = order->workdir;
  /* Nearly always it is there. */
  if (find_folder(order->workdir) != 0 && (error = make_folders(order->workdir, 0777))) return error;
  for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) {
    *name = parents[i];
    /* Its own folder is there. */
    if (strncmp(parents[i], order->directory, strlen(order->directory)) == 0) continue;
    if ((error = make_parent(parents[i]))) return error;
  }
  for (size_t i = 0; i < order->made_count; i++) {
    *name = order->made[i];
    if ((error = make_folders(order->made[i], 0777))) return error;
  }
  for (size_t i = 0; i < order->displaced_count; i++) {
    *name = order->displaced[i].path;
    if ((error = displace(order->displaced[i].path, order->displaced[i].into, order->token))) return error;
  }
  return 0;
}

/* False: there is nothing to wait for, since it was cancelled or cannot be prepared. */
static bool prepare(struct attempt *a) {
  const char *name = NULL;
  for (;;) {
    int error = make_folder(a, &name);
    if (!error) error = make_places(a, &name);
    if (!error) FAIL_POINT("exec.before");
    if (!error && (a->child = start_command(a->order, a->logs)) < 0) {
      error = errno;
      name = a->order->standard_out;
    }
    if (!error) FAIL_POINT("exec.after");
    if (!error) return true;
    if (!is_transient(error)) {
      tell_user(a, name, error);
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

static long long machine_oom_kills(void) {
  FILE *file = fopen("/proc/vmstat", "re");
  char name[64];
  long long value, found = -1;
  while (file && found < 0 && fscanf(file, "%63s %lld", name, &value) == 2)
    if (strcmp(name, "oom_kill") == 0) found = value;
  if (file) fclose(file);
  return found;
}

void run_attempt(const struct host *host, const struct order *order, unsigned long long start) {
  struct attempt a = {.host = host, .order = order, .start = start, .logs = {-1, -1}, .code = -1, .verdict = "Exited"};
  claim(&a);
  a.up0 = a.up1 = boot_nanoseconds() / 1000000;
  if (wait_signal(0) == SIGTERM)
    a.verdict = "Cancelled";
  else if (prepare(&a))
    run(&a);
  a.up1 = boot_nanoseconds() / 1000000;
  getrusage(RUSAGE_CHILDREN, &a.used);
  if (a.code == 137 && !a.stopped && order->oom_kills >= 0 && machine_oom_kills() > order->oom_kills)
    a.verdict = "OutOfMemory";
  record(&a);
  _exit(RECORDED);
}
