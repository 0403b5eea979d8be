/* What the load generator and the bare send() loop have in common. Times are seconds of the monotonic clock. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stddef.h>

struct epoll_event;

/* Bytes of a message: its number in NUMBER_DIGITS digits, filling, and the marker at the end. */
enum { NUMBER_DIGITS = 10 };
#define MARKER '^'

/* Ends the program with one line on stderr. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

double seconds(void);

/* An argument of the command line: a whole number not below least, or the end of the program. */
long whole(const char *name, const char *text, long least);

/* Tells a figure, and waits for a line on stdin; its end is the end of the program. */
void say_and_wait(const char *name, int number);

/* Prints when half of them, 99 of 100, and the last one had come; puts them in order. In ms. */
void print_times(double *taken, int count);

/* Every descriptor that the process may have. */
void raise_descriptor_limit(void);

void *allocate(size_t count, size_t size);

/* Exactly that many decimal digits, with leading zeros; nothing is written behind them. */
void write_digits(char *at, int digits, unsigned long number);

/* The number in exactly that many digits, -1 where something else stands. */
long read_digits(const char *at, int digits);

/* TCP on 127.0.0.1, in both directions without delay. */
int listen_on(int port);
void without_delay(int socket);

/* An epoll instance, and its interest in what can be read from a socket; key comes back as data.u32. */
int new_epoll(void);
void watch(int epoll, int socket, unsigned key);

/* epoll_wait that looks on for a while before it sleeps, with its core to itself. To wake a sleeper is work for whoever writes: a server
   a little slower than its load would have more of it with each delivery than one that is a little faster. */
int await_ready(int epoll, struct epoll_event *events, int space, int timeout_ms);

#endif
