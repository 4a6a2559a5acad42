#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attempt.h"

void begin_notice(struct text *line, const char *kind, const struct attempt *a) {
  put(line, kind);
  put(line, a->order->token);
  put(line, " ");
}

void send_notice(const struct text *line) {
  FAIL_POINT("notice.before");
  if (!line->cut) (void)!write(NOTICES, line->bytes, line->length);
  FAIL_POINT("notice.after");
}

void tell_user(const struct attempt *a, const char *path, int error) {
  char line[PATH_MAX + 128];
  IN_FOLDER(log, a, "stderr");
  int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) return;
  bool within = path[0] != '/';
  int length = snprintf(line, sizeof line, "fixpoint: %s%s%s: %s\n", within ? a->order->directory : "",
                        within ? "/" : "", path, strerror(error));
  (void)!write(file, line, (size_t)(length < (int)sizeof line ? length : (int)sizeof line));
  close(file);
}

void tell_started(struct attempt *a) {
  if (a->told) return;
  a->told = true;
  TEXT(line, 160);
  begin_notice(&line, "S ", a);
  put_number(&line, getpid());
  put(&line, " ");
  put_number(&line, (long long)a->start);
  put(&line, " ");
  put_number(&line, a->claimed_at);
  put(&line, "\n");
  send_notice(&line);
}

void refuse(const struct attempt *a, const char *path, int error) {
  TEXT(line, NOTICE_BYTES);
  begin_notice(&line, "F ", a);
  put(&line, path);
  put(&line, ": ");
  put(&line, strerror(error));
  put(&line, "\n");
  send_notice(&line);
  _exit(NO_RECORD);
}
