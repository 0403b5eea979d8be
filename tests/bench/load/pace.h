/* A closed loop: clients with one request in flight each, answered ones are sent on, until the time is over. */
#ifndef BENCH_PACE_H
#define BENCH_PACE_H

#include "client.h"

/* Counts answers from the end of the warm-up to the end of the measured time. */
struct pace {
    double begin, warm_end, end;
    double first, last; /* when counting began, and when it was last brought up to date */
    long counted;
};

void pace_start(struct pace *pace, int warm_ms, int measured_ms);

/* Count answers that came at a time. False when the measured time is over, and some were counted. */
bool pace_count(struct pace *pace, double now, long answers);

double pace_rate(const struct pace *pace);

/* Make the next request of a client; false when it has none. */
typedef bool next_request(void *work, int client, const char **request, size_t *length);

/* Look at an answer. */
typedef void take_answer(void *work, int client, const struct answer *answer);

/* Runs until no client has a request left and all are answered. Returns answers in all; counts the measured ones in pace unless that is
   NULL, and asks for no further requests when its time is over. */
long closed_loop(int port, int connections, void *work, next_request *next, take_answer *take, struct pace *pace);

#endif
