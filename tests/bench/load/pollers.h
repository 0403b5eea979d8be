/* Held long polls of one channel, and one more client that asks the publisher location of the same process who is there. */
#ifndef BENCH_POLLERS_H
#define BENCH_POLLERS_H

#include "client.h"
#include "commands.h"

struct pollers {
    struct places at;
    int count, epoll;
    struct client *clients;
    struct client asker;
    char info[REQUEST_SPACE];
    char request[REQUEST_SPACE];
    size_t info_length, fixed_length;
};

/* Makes room for count pollers; none is connected yet. */
void pollers_open(struct pollers *pollers, struct places at, int count, const char *channel);

/* Connects clients from one number to another, lets them poll without an id, and waits until the server counts all of them. */
void pollers_connect(struct pollers *pollers, int from, int to);

/* Makes request the poll for the message next to the one in the answer. Returns its length. */
size_t next_poll(struct pollers *pollers, const struct answer *answer);

/* Waits until the server counts so many held polls. */
void await_held(struct pollers *pollers, int held);

void pollers_close(struct pollers *pollers);

#endif
