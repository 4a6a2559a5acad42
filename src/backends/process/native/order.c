#include <stdlib.h>
#include <string.h>

#include "native.h"

/* The words of an order, after those that every order begins with. `native-order.ts` writes them. */
static const struct {
  const char *name;
  size_t fields;
} VERBS[] = {{"env", 1},      {"folder", 1}, {"file", 3},   {"trace", 3}, {"make", 1},
             {"displace", 2}, {"arg", 1},    {"output", 4}};

enum { HEAD = 8 };

static size_t fields_of(const char *verb) {
  for (size_t i = 0; i < sizeof VERBS / sizeof *VERBS; i++)
    if (strcmp(verb, VERBS[i].name) == 0) return VERBS[i].fields;
  return 0;
}

bool read_order(const char *token, struct field *fields, size_t count, struct order *order) {
  if (count < HEAD) return false;
  *order = (struct order){
      .token = token,
      .directory = fields[0].text,
      .workdir = fields[1].text,
      .walltime = atof(fields[2].text) / 1000,
      .grace = atof(fields[3].text) / 1000,
      .oom_kills = fields[4].length ? atoll(fields[4].text) : -1,
      .standard_in = fields[5].text,
      .standard_out = fields[6].text,
      .standard_err = fields[7].text,
  };
  /* No list can be longer than there are fields. */
  order->folders = calloc(count, sizeof(char *));
  order->made = calloc(count, sizeof(char *));
  order->arguments = calloc(count + 2, sizeof(char *));
  order->environment = calloc(count, sizeof(char *));
  order->files = calloc(count, sizeof *order->files);
  order->displaced = calloc(count, sizeof *order->displaced);
  order->outputs = calloc(count, sizeof *order->outputs);
  if (!order->folders || !order->made || !order->arguments || !order->environment || !order->files ||
      !order->displaced || !order->outputs)
    return false;
  for (size_t at = HEAD; at < count;) {
    const char *verb = fields[at].text;
    size_t wanted = fields_of(verb);
    struct field *word = fields + at + 1;
    if (wanted == 0 || at + wanted >= count) return false;
    if (strcmp(verb, "env") == 0)
      order->environment[order->environment_count++] = word[0].text;
    else if (strcmp(verb, "folder") == 0)
      order->folders[order->folder_count++] = word[0].text;
    else if (strcmp(verb, "file") == 0 || strcmp(verb, "trace") == 0)
      order->files[order->file_count++] =
          (struct file){word[0].text, (mode_t)strtol(word[1].text, NULL, 8), word[2], verb[0] == 't'};
    else if (strcmp(verb, "make") == 0)
      order->made[order->made_count++] = word[0].text;
    else if (strcmp(verb, "displace") == 0)
      order->displaced[order->displaced_count++] = (struct displacement){word[0].text, word[1].text};
    else if (strcmp(verb, "arg") == 0)
      order->arguments[order->argument_count++] = word[0].text;
    else
      order->outputs[order->output_count++] =
          (struct output){word[0].text, word[1].text, word[2].text[0] == 'S', word[3].text[0] == 'y'};
    at += wanted + 1;
  }
  return order->argument_count > 0;
}
