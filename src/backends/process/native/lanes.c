/*
 * Lanes: what waits here to follow what runs. All that count in one lane ask for the same, so whoever ends makes room for
 * exactly one other; who sent them counts in the same way, and need not be asked. ROOM is what it said last: how many of
 * this lane may run at once. It said so before it had heard of the latest ends; that is no harm, since we count ends
 * ourselves.
 */
#include <stdlib.h>
#include <string.h>

#include "native.h"

struct lane {
  struct lane *next;
  int name, room, running;
  struct waiting *first, **last;
};

struct counted {
  struct counted *next;
  pid_t child;
  struct lane *lane;
};

static struct lane *lanes;
static struct counted *counted;

static struct lane *lane_of(int name) {
  struct lane *lane = lanes;
  while (lane && lane->name != name) lane = lane->next;
  if (lane) return lane;
  lane = calloc(1, sizeof *lane);
  if (!lane) return NULL;
  lane->name = name;
  lane->last = &lane->first;
  lane->next = lanes;
  return lanes = lane;
}

/* There are as many kinds of task as the user makes. */
static void forget_idle_lanes(void) {
  for (struct lane **at = &lanes; *at;) {
    struct lane *lane = *at;
    if (lane->running > 0 || lane->first) {
      at = &lane->next;
      continue;
    }
    *at = lane->next;
    free(lane);
  }
}

void wait_in_lane(int name, int room, const char *frame, size_t length) {
  struct lane *lane = lane_of(name);
  struct waiting *waiting = malloc(sizeof *waiting + length);
  /* Without memory it is lost, as a frame may be: who sent it sends it again. */
  if (!lane || !waiting) return free(waiting);
  lane->room = room;
  /* Whoever has heard nothing of it for long sends it again: once is enough. */
  for (const struct waiting *other = lane->first; other; other = other->next)
    if (other->length == length && memcmp(other->frame, frame, length) == 0) return free(waiting);
  *waiting = (struct waiting){.lane = name, .length = length};
  memcpy(waiting->frame, frame, length);
  *lane->last = waiting;
  lane->last = &waiting->next;
}

void count_in_lane(int name, pid_t child) {
  struct counted *one = child > 0 ? malloc(sizeof *one) : NULL;
  struct lane *lane = one ? lane_of(name) : NULL;
  if (!lane) return free(one);
  *one = (struct counted){counted, child, lane};
  counted = one;
  lane->running++;
}

void leave_lane(pid_t child) {
  for (struct counted **at = &counted; *at; at = &(*at)->next) {
    struct counted *one = *at;
    if (one->child != child) continue;
    one->lane->running--;
    *at = one->next;
    free(one);
    return forget_idle_lanes();
  }
}

struct waiting *next_in_lanes(void) {
  for (struct lane *lane = lanes; lane; lane = lane->next) {
    struct waiting *waiting = lane->first;
    if (!waiting || lane->running >= lane->room) continue;
    lane->first = waiting->next;
    if (!lane->first) lane->last = &lane->first;
    return waiting;
  }
  return NULL;
}
