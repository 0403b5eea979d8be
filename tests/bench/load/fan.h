/* Messages published to one channel, a window of them under way at a time, which many takers have to get: each of them once. */
#ifndef BENCH_FAN_H
#define BENCH_FAN_H

#include "client.h"
#include "commands.h"

#include <sys/epoll.h>

struct publisher {
    struct client client;
    bool busy;
};

/* What a taker has got: each of the messages 1 to n once, which their sum tells in any order. */
struct got {
    long count, sum;
};

struct fan {
    struct publisher *publishers;
    struct got *got;
    char post[REQUEST_SPACE];
    size_t post_length, number_at, body_length;
    bool (*receipt)(struct client *publisher); /* true when all of it has come; fails when the message was not accepted */
    int (*wait)(int epoll, struct epoll_event *events, int space, int timeout_ms); /* epoll_wait, or await_ready */
    void (*before)(void *work); /* NULL, or called before a message when none is under way */
    long sent, done, delivered;
    int takers, window, epoll;
};

/* Something can be read for a taker. */
typedef void take_readable(void *work, int taker);

/* Takers are keys of epoll from 0; publishers, one for each message under way, are connected and become the keys behind them. */
void fan_open(struct fan *fan, struct places at, int epoll, int takers, int window, int body_length, const char *channel);

/* The same for what is published as an envelope to a channel of Redis: {"channel": channel, "data": message}. */
void fan_open_redis(struct fan *fan, int port, int epoll, int takers, int window, int body_length, const char *pubsub, const char *channel);

/* A taker has got the message of a number. */
void fan_count(struct fan *fan, int taker, long number);

/* Publishes for a time, waits for the last message, and checks that all have got all. Prints deliveries per second. */
void fan_run(struct fan *fan, void *work, take_readable *take, int warm_ms, int measured_ms);

#endif
