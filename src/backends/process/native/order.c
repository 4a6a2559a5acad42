#include <string.h>

#include "native.h"

/* The words of an order, after those that every order begins with. `native-order.ts` writes them. */
enum { ENV, FOLDER, FILE_, TRACE, MAKE, DISPLACE, ARG, OUTPUT };
static const struct {
  const char *name;
  size_t fields;
} VERBS[] = {[ENV] = {"env", 1},   [FOLDER] = {"folder", 1},     [FILE_] = {"file", 3}, [TRACE] = {"trace", 3},
             [MAKE] = {"make", 1}, [DISPLACE] = {"displace", 2}, [ARG] = {"arg", 1},    [OUTPUT] = {"output", 4}};

enum { HEAD = 8 };

static int verb_of(const char *word) {
  for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++)
    if (strcmp(word, VERBS[i].name) == 0) return (int)i;
  return -1;
}

/* Gives what each verb comes with, counted; false where one is not known or not whole. */
static bool count_verbs(const struct field *fields, size_t count, size_t verbs[sizeof VERBS / sizeof *VERBS]) {
  for (size_t at = HEAD; at < count;) {
    int verb = verb_of(fields[at].text);
    if (verb < 0 || at + VERBS[verb].fields >= count) return false;
    verbs[verb]++;
    at += VERBS[verb].fields + 1;
  }
  return verbs[ARG] > 0;
}

/* One block for all lists, and a NULL at the end of each of texts. */
static bool make_room(struct order *order, const size_t verbs[sizeof VERBS / sizeof *VERBS]) {
  size_t files = verbs[FILE_] + verbs[TRACE], texts = verbs[ENV] + verbs[FOLDER] + verbs[MAKE] + verbs[ARG] + 4;
  char *room = take_room(files * sizeof *order->files + verbs[DISPLACE] * sizeof *order->displaced +
                         verbs[OUTPUT] * sizeof *order->outputs + texts * sizeof(char *));
  if (!room) return false;
  order->files = (struct file *)room;
  order->displaced = (struct displacement *)(order->files + files);
  order->outputs = (struct output *)(order->displaced + verbs[DISPLACE]);
  order->environment = (char **)(order->outputs + verbs[OUTPUT]);
  order->folders = order->environment + verbs[ENV] + 1;
  order->made = order->folders + verbs[FOLDER] + 1;
  order->arguments = order->made + verbs[MAKE] + 1;
  return true;
}

static mode_t mode_in(const char *octal) {
  mode_t mode = 0;
  for (; *octal >= '0' && *octal <= '7'; octal++) mode = mode * 8 + (mode_t)(*octal - '0');
  return mode;
}

static void take_verb(struct order *order, int verb, struct field *word) {
  switch (verb) {
    case ENV:
      order->environment[order->environment_count++] = word[0].text;
      break;
    case FOLDER:
      order->folders[order->folder_count++] = word[0].text;
      break;
    case FILE_:
    case TRACE:
      order->files[order->file_count++] =
          (struct file){word[0].text, mode_in(word[1].text), word[2], verb == TRACE};
      break;
    case MAKE:
      order->made[order->made_count++] = word[0].text;
      break;
    case DISPLACE:
      order->displaced[order->displaced_count++] = (struct displacement){word[0].text, word[1].text};
      break;
    case ARG:
      order->arguments[order->argument_count++] = word[0].text;
      break;
    default:
      order->outputs[order->output_count++] =
          (struct output){word[0].text, word[1].text, word[2].text[0] == 'S', word[3].text[0] == 'y'};
  }
}

bool read_order(const char *token, struct field *fields, size_t count, struct order *order) {
  size_t verbs[sizeof VERBS / sizeof *VERBS] = {0};
  if (count < HEAD || !count_verbs(fields, count, verbs)) return false;
  *order = (struct order){
      .token = token,
      .directory = fields[0].text,
      .workdir = fields[1].text,
      .walltime = (double)number_in(fields[2].text) / 1000,
      .grace = (double)number_in(fields[3].text) / 1000,
      .oom_kills = fields[4].length ? (long long)number_in(fields[4].text) : -1,
      .standard_in = fields[5].text,
      .standard_out = fields[6].text,
      .standard_err = fields[7].text,
  };
  if (!make_room(order, verbs)) return false;
  for (size_t at = HEAD; at < count;) {
    int verb = verb_of(fields[at].text);
    take_verb(order, verb, fields + at + 1);
    at += VERBS[verb].fields + 1;
  }
  return true;
}
