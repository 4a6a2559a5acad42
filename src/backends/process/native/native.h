/* The native spawner: what its parts know of each other. See spawner.c for what it is. */
#ifndef FIXPOINT_NATIVE_H
#define FIXPOINT_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* -- text.c: text in a room of its own --------------------------------------------------------------------------- */

struct text {
  char *bytes;
  size_t length, room;
  bool cut; /* there was no room for all of it */
};

/* Room on the stack. */
#define TEXT(name, size) \
  char name##_room[size]; \
  struct text name = {name##_room, 0, sizeof name##_room, false}

void put_bytes(struct text *text, const char *bytes, size_t length);
void put(struct text *text, const char *words);
void put_number(struct text *text, long long number);
/* Of a thousandth, or a millionth: 1 or 2 thousands. */
void put_thousandths(struct text *text, unsigned long long number, int thousands);

/* -- room.c: memory of an attempt, which never gives any back ------------------------------------------------------ */

/* Empty; NULL: there is none. Only for supervisors: each has its own, since it is forked. */
void *take_room(size_t size);

/* -- fields.c: netstrings ("5:hello,"), the one thing that a frame is made of ------------------------------------ */

/* One field of a frame; `text` ends in a NUL that `length` does not count. */
struct field {
  char *text;
  size_t length;
};

/* Cuts a payload into its fields, in place. -1: it is not made of whole netstrings. */
ssize_t cut_fields(char *payload, size_t length, struct field **fields);
/* The number that a text begins with; 0 without one. */
unsigned long long number_in(const char *text);

/* -- order.c: what is to be run ---------------------------------------------------------------------------------- */

struct file {
  const char *name;
  mode_t mode;
  struct field content;
  bool unless_succeeded; /* nobody asks what a success was told to do */
};

struct displacement {
  char *path, *into;
};

struct output {
  const char *name;
  char *path;
  bool by_stat, optional;
};

/* One attempt. Lists end in NULL, or have their count beside them. */
struct order {
  const char *token;
  char *directory, *workdir, *standard_in, *standard_out, *standard_err;
  double walltime, grace; /* seconds; 0: no limit */
  long long oom_kills;    /* of the machine, before it started; -1: not known */
  char **folders, **made, **arguments, **environment;
  struct file *files;
  struct displacement *displaced;
  struct output *outputs;
  size_t file_count, displaced_count, output_count, folder_count, made_count, argument_count, environment_count;
};

/* False: the fields are not an order that we know. */
bool read_order(const char *token, struct field *fields, size_t count, struct order *order);

/* -- lanes.c: what waits to follow what runs ---------------------------------------------------------------------- */

struct waiting {
  struct waiting *next;
  int lane;
  size_t length;
  char frame[];
};

/* Waits until fewer than `room` of its lane run. */
void wait_in_lane(int lane, int room, const char *frame, size_t length);
/* Runs, and counts in this lane; a child that could not be made does not. */
void count_in_lane(int lane, pid_t child);
/* Has ended. */
void leave_lane(pid_t child);
/* Takes one out that may start now; NULL: there is none. It is the caller's. */
struct waiting *next_in_lanes(void);

/* -- clock.c ------------------------------------------------------------------------------------------------------ */

/* Since the machine started. */
long long boot_nanoseconds(void);
/*
 * Whether the kernel stamps a process by the clock of the boot. Linux does; what only looks like it (gVisor, the first WSL)
 * has another clock for that, and says that it is of version 4. By whoever has just been started, and tells by its own birth.
 */
bool births_are_by_clock(void);
/*
 * `start_ticks` of this process, which was forked just after `earlier`. By the clock it is known without a look into /proc,
 * which is a tenth of what there is to do for a short command, unless a tick began in between.
 */
unsigned long long born_after(long long earlier, bool by_clock);

/* -- attempt.c: runs one order to its exit record ---------------------------------------------------------------- */

/* Where this is, as the claim says it; and the shell runtime, which digests folders for us. */
struct host {
  const char *name, *boot, *pid_namespace, *shell_runtime;
  bool births_by_clock;
};

#define NOTICES 3 /* the descriptor that notices are written to */

/* Never returns. Called in a process of its own, of this birth. */
void run_attempt(const struct host *host, const struct order *order, unsigned long long start) __attribute__((noreturn));

/* Where standard input is of whoever has none. */
#define NOWHERE "/dev/null"

/* -- command.c ---------------------------------------------------------------------------------------------------- */

/* Opens its logs and starts the command; gives its pid, or -1. */
pid_t start_command(const struct order *order, int logs[2]);

/* -- descendants.c ------------------------------------------------------------------------------------------------ */

/* Sends a signal to every living descendant of this process. */
void signal_descendants(int signal);

/* Start time of a process in clock ticks since boot, field 22 of /proc/PID/stat. */
unsigned long long start_ticks(pid_t pid);

/* -- fail-point.c -------------------------------------------------------------------------------------------------- */

extern bool fail_point_armed;

/* Takes what to die at out of the environment. */
void arm_fail_point(void);
void pass_fail_point(const char *name, pid_t dies);

/* Kills this process at the chosen passing of the chosen point; without one it is a comparison. */
#define FAIL_POINT(name) FAIL_POINT_OF(name, getpid())
#define FAIL_POINT_OF(name, dies) \
  do { \
    if (__builtin_expect(fail_point_armed, 0)) pass_fail_point(name, dies); \
  } while (0)

/* -- files.c: each gives 0, or the errno of what failed ----------------------------------------------------------- */

/* Cut paths where they lie, and put them together again. */
int make_folders(char *path, mode_t mode);
int make_parent(char *path);
int find_folder(const char *path);
int write_whole(const char *path, mode_t mode, const char *text, size_t length);
/* Moves what lies at `path`, if anything does, to `into`; what lies there makes room under a name of its own. */
int displace(char *path, char *into, const char *token);
/* Room, quota, descriptors: may come back. */
bool is_transient(int error);

/* -- digest.c ----------------------------------------------------------------------------------------------------- */

#define MAX_DIGEST 160

/* What `attempt.sh` stamps for this path: 0, or the errno of what stands in the way; ENOENT if nothing of a known kind is there. */
int digest_path(const struct host *host, const char *path, bool by_stat, char digest[MAX_DIGEST]);

/* POSIX `cksum`. */
uint32_t checksum(const char *data, size_t length);

#endif
