/* The works of the load generator, one function each. Each prints one line of name=value figures when all answers were right. */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

#include <stdbool.h>

struct places {
    int publisher_port, subscriber_port; /* two when two processes share their channels */
    const char *publisher, *subscriber; /* paths of the two locations, with the final slash; each process has both */
};

/* POSTs to one channel after the other, each connection with one in flight. All channels are published to before time is taken. */
void publish(struct places at, int connections, int body_length, int channels, int warm_ms, int measured_ms);

/* Pollers of one channel that ask for the next message as soon as they have one; window messages are under way at a time. */
void cycle(struct places at, int pollers, int body_length, int window, int warm_ms, int measured_ms, const char *channel);

/* The same with pollers of Tyron: publisher_port is that of Redis, where pubsub is the channel that Tyron hears. Without resume they ask
   for whatever comes next, and each message waits until all of them wait again, which is part of the time. */
void feed(struct places at, int pollers, int body_length, int window, int warm_ms, int measured_ms, const char *channel,
          const char *pubsub, bool resume);

/* Holds few polls, waits for a line on stdin, holds many, waits for the next. */
void hold(struct places at, int few, int many, const char *channel);

/* One publish releases all polls, again and again: when each poll was answered, in ms from the publish. */
void release(struct places at, int pollers, int body_length, int times, const char *channel);

/* Publishes to one channel, and writes the id and number of every message to a file. */
void fill(struct places at, int connections, int body_length, int messages, const char *channel, const char *file);

/* Reads the message next to a random id of such a file. */
void backlog(struct places at, int connections, int body_length, int warm_ms, int measured_ms, const char *channel, const char *file);

/* Sessions that subscribe to one channel. A carrier is "websocket", "polling" or "streaming", a dialect the name of one in dialect.h. */

/* Messages to all sessions; window messages are under way at a time. */
void fanout(struct places at, int sessions, int body_length, int window, int warm_ms, int measured_ms, const char *channel,
            const char *carrier, const char *dialect);

/* Events "echo", each session with one under way, which the server acknowledges with what they say. */
void roundtrip(struct places at, int sessions, int body_length, int warm_ms, int measured_ms, const char *carrier, const char *dialect);

/* Holds few sessions, waits for a line on stdin, holds many, waits for the next. */
void idle(struct places at, int few, int many, const char *channel, const char *carrier, const char *dialect);

/* Sessions that begin and are dropped, at_a_time of them there, until there have been count; waits for a line on stdin when all are gone,
   and goes on, a number of times. */
void come_and_go(struct places at, int count, int times, int at_a_time, const char *channel, const char *carrier, const char *dialect);

/* Subscribers that stay: each has a stream of one channel. A kind is "websocket", whose frames are the messages, or "eventsource". */

/* Messages to all of them; window messages are under way at a time. */
void streams(struct places at, int count, int body_length, int window, int warm_ms, int measured_ms, const char *channel, const char *kind);

/* Publishes one message after the other: when each of them had it, in ms from the publish. */
void reach(struct places at, int count, int body_length, int times, const char *channel, const char *kind);

/* Holds few, waits for a line on stdin, holds many, waits for the next. */
void stay(struct places at, int few, int many, const char *channel, const char *kind);

#endif
