#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attempt.h"

static const double RECORD_PAUSE = 5, STAMP_PAUSE = 1;

void name_in_folder(char *path, const char *folder, const char *name) {
  path = stpcpy(path, folder);
  *path++ = '/';
  strcpy(path, name);
}

void fail(struct attempt *a, const char *what, const char *name) {
  if (a->problem[0] == '\0') snprintf(a->problem, sizeof a->problem, "%s%s", what, name);
}

static bool succeeded(const struct attempt *a) {
  return strcmp(a->verdict, "Exited") == 0 && a->code == 0 && a->problem[0] == '\0';
}

static long long larger_log(const struct attempt *a) {
  struct stat out = {0}, err = {0};
  fstat(a->logs[0], &out);
  fstat(a->logs[1], &err);
  return out.st_size > err.st_size ? out.st_size : err.st_size;
}

/* An error is not an absence: what cannot be read for now is waited for, until it can be, is taken away, or nobody wants it. */
static int digest_patiently(struct attempt *a, const struct output *output, char digest[MAX_DIGEST]) {
  for (bool told = false;; told = true) {
    int error = digest_path(a->host, output->path, output->by_stat, digest);
    if (!is_transient(error) || strcmp(a->verdict, "Exited") != 0) return error;
    if (!told) tell_user(a, output->path, error);
    tell_started(a);
    if (!cancelled_within(STAMP_PAUSE)) continue;
    a->verdict = "Cancelled";
    return error;
  }
}

/* Digests of what it made; a success may turn out to be none. */
static void put_outputs(struct text *text, struct attempt *a) {
  for (size_t i = 0; i < a->order->output_count; i++) {
    const struct output *output = a->order->outputs + i;
    char digest[MAX_DIGEST];
    FAIL_POINT("stamp.before");
    if (digest_patiently(a, output, digest) != 0) {
      if (!output->optional && succeeded(a)) fail(a, "MissingOutput ", output->name);
      strcpy(digest, "absent");
    }
    FAIL_POINT("stamp.after");
    put(text, i ? ",{\"name\":\"" : "{\"name\":\"");
    put(text, output->name);
    put(text, "\",\"digest\":\"");
    put(text, digest);
    put(text, "\"}");
  }
}

static void put_usage(struct text *text, const struct rusage *used) {
  unsigned long long seconds = (unsigned long long)(used->ru_utime.tv_sec + used->ru_stime.tv_sec);
  put(text, ",\"cpuSeconds\":");
  put_thousandths(text, seconds * 1000000 + (unsigned long long)(used->ru_utime.tv_usec + used->ru_stime.tv_usec), 2);
  put(text, ",\"maxRssKb\":");
  put_number(text, used->ru_maxrss);
}

/* With its checksum, over the record and a line feed, as `cksum` reads it in the shell. */
static void put_record(struct text *text, struct attempt *a, const struct text *outputs) {
  put(text, "{\"version\":1,\"token\":\"");
  put(text, a->order->token);
  put(text, "\",\"verdict\":\"");
  put(text, a->verdict);
  put(text, "\",\"code\":");
  if (a->code >= 0)
    put_number(text, a->code);
  else
    put(text, "null");
  put(text, ",\"problem\":\"");
  put(text, a->problem);
  put(text, "\",\"up0\":");
  put_thousandths(text, (unsigned long long)a->up0, 1);
  put(text, ",\"up1\":");
  put_thousandths(text, (unsigned long long)a->up1, 1);
  put_usage(text, &a->used);
  put(text, ",\"alone\":true,\"logBytes\":");
  put_number(text, larger_log(a));
  put(text, ",\"outputs\":[");
  put_bytes(text, outputs->bytes, outputs->length);
  put(text, "]\n");
  uint32_t sum = checksum(text->bytes, text->length);
  text->length--;
  put(text, ",\"sum\":\"");
  put_number(text, sum);
  put(text, "\"}\n");
}

static void leave_traces(const struct attempt *a) {
  for (size_t i = 0; i < a->order->file_count; i++) {
    const struct file *file = a->order->files + i;
    if (!file->unless_succeeded) continue;
    IN_FOLDER(path, a, file->name);
    write_whole(path, file->mode, file->content.text, file->content.length);
  }
}

void record(struct attempt *a) {
  /* Names are at most 63 characters. */
  size_t stamps = a->order->output_count * 256, room = 1024 + PROBLEM_BYTES + stamps;
  char *bytes = take_room(stamps + room);
  if (!bytes) _exit(NO_RECORD);
  struct text outputs = {bytes, 0, stamps, false}, line = {bytes + stamps, 0, room, false};
  begin_notice(&line, "E ", a);
  size_t begun = line.length;
  put_number(&line, a->claimed_at);
  put(&line, " ");
  /* What the file holds. */
  struct text text = {line.bytes + line.length, 0, line.room - line.length, false};
  if (succeeded(a)) put_outputs(&outputs, a);
  if (!succeeded(a)) leave_traces(a);
  put_record(&text, a, &outputs);
  IN_FOLDER(path, a, "exit.json");
  /* A full disk must not cost a finished result: it waits for room as long as there is a folder to write to. */
  FAIL_POINT("record.before");
  while (write_whole(path, 0666, text.bytes, text.length) != 0) {
    if (access(a->order->directory, F_OK) != 0 && errno == ENOENT) {
      /* Its own command took the folder away, and the claim with it: that it ran must be known, or it runs again. */
      tell_started(a);
      _exit(NO_RECORD);
    }
    usleep(RECORD_PAUSE * 1e6);
  }
  FAIL_POINT("record.after");
  line.length += text.length;
  /* Too long for one write: whoever hears of the end reads it. */
  if (line.length > NOTICE_BYTES) {
    line.length = begun - 1;
    put(&line, "\n");
  }
  send_notice(&line);
}
