#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

static const double AWAKE = 2e-3; /* seconds; between two deliveries of a fan-out are some hundredths of that */

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

long whole(const char *name, const char *text, long least)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < least)
        fail("%s must be a whole number from %ld, not %s", name, least, text);
    return value;
}

void say_and_wait(const char *name, int number)
{
    char line[64];
    printf("%s=%d\n", name, number);
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL)
        exit(0);
}

void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        fail("no memory for %zu times %zu bytes", count, size);
    return memory;
}

void write_digits(char *at, int digits, unsigned long number)
{
    while (digits-- > 0) {
        at[digits] = (char)('0' + number % 10);
        number /= 10;
    }
}

long read_digits(const char *at, int digits)
{
    long number = 0;
    for (int i = 0; i < digits; i++) {
        if (at[i] < '0' || at[i] > '9')
            return -1;
        number = number * 10 + (at[i] - '0');
    }
    return number;
}

void without_delay(int socket)
{
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int listen_on(int port)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0)
        fail("cannot listen on port %d: %s", port, strerror(errno));
    return listener;
}

int new_epoll(void)
{
    int epoll = epoll_create1(0);
    if (epoll < 0)
        fail("epoll: %s", strerror(errno));
    return epoll;
}

void watch(int epoll, int socket, unsigned key)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = key};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) < 0)
        fail("epoll: %s", strerror(errno));
}

int await_ready(int epoll, struct epoll_event *events, int space, int timeout_ms)
{
    double end = seconds() + AWAKE;
    int ready;
    while ((ready = epoll_wait(epoll, events, space, 0)) == 0 && seconds() < end)
        sched_yield(); /* for where there is no second core */
    return ready != 0 ? ready : epoll_wait(epoll, events, space, timeout_ms);
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

void print_times(double *taken, int count)
{
    qsort(taken, (size_t)count, sizeof *taken, ascending);
    printf("p50=%.3f p99=%.3f last=%.3f\n", taken[(count - 1) / 2], taken[(count - 1) * 99L / 100], taken[count - 1]);
}
