#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "native.h"

enum { STATE = 3, PARENT, START = 22 };

/* The fields of /proc/PID/stat after the name, which may itself hold spaces and parentheses. */
static bool read_stat(const char *pid, char *state, int *parent, unsigned long long *start) {
  TEXT(path, 64);
  put(&path, "/proc/");
  put(&path, pid);
  put_bytes(&path, "/stat", sizeof "/stat");
  char text[1024];
  int file = open(path.bytes, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t got = read(file, text, sizeof text - 1);
  close(file);
  if (got <= 0) return false;
  text[got] = '\0';
  const char *rest = strrchr(text, ')');
  for (int at = 3; rest && (rest = strchr(rest, ' ')) != NULL; at++) {
    rest++;
    if (at == STATE) *state = *rest;
    if (at == PARENT) *parent = (int)number_in(rest);
    if (at == START) *start = number_in(rest);
    if (at == START) return true;
  }
  return false;
}

unsigned long long start_ticks(pid_t pid) {
  TEXT(name, 16);
  put_number(&name, pid);
  put_bytes(&name, "", 1);
  char state;
  int parent;
  unsigned long long start = 0;
  return read_stat(name.bytes, &state, &parent, &start) ? start : 0;
}

struct process {
  pid_t pid, parent;
  bool ours, dead;
};

static void signal_one(pid_t pid, int signal) {
  FAIL_POINT("end.before");
  kill(pid, signal);
  FAIL_POINT("end.after");
}

/*
 * Whatever descends from us has a chain of parents up to us: an orphan among them becomes our child, since we are
 * their subreaper. So environments and sessions, which a process may change, do not matter.
 */
void signal_descendants(int signal) {
  DIR *proc = opendir("/proc");
  if (!proc) return;
  size_t count = 0, room = 256;
  struct process *list = malloc(room * sizeof *list);
  const struct dirent *entry;
  while (list && (entry = readdir(proc))) {
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    char state;
    int parent;
    unsigned long long start;
    if (!read_stat(entry->d_name, &state, &parent, &start)) continue;
    if (count == room) {
      struct process *more = realloc(list, (room *= 2) * sizeof *list);
      if (!more) break;
      list = more;
    }
    list[count++] = (struct process){atoi(entry->d_name), parent, false, state == 'Z' || state == 'X'};
  }
  closedir(proc);
  if (!list) return;
  pid_t self = getpid();
  for (bool grew = true; grew;) {
    grew = false;
    for (size_t i = 0; i < count; i++) {
      if (list[i].ours) continue;
      bool ours = list[i].parent == self;
      for (size_t j = 0; !ours && j < count; j++) ours = list[j].ours && list[j].pid == list[i].parent;
      if (ours) grew = list[i].ours = true;
    }
  }
  for (size_t i = 0; i < count; i++)
    if (list[i].ours && !list[i].dead) signal_one(list[i].pid, signal);
  free(list);
}
