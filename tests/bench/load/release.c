#include "commands.h"
#include "common.h"
#include "pollers.h"

#include <stdio.h>
#include <sys/epoll.h>

enum { AT_A_TIME = 512 };
static const double NOT_YET = -1;

void hold(struct places at, int few, int many, const char *channel)
{
    struct pollers pollers;
    pollers_open(&pollers, at, many, channel);
    pollers_connect(&pollers, 0, few);
    say_and_wait("held", few);
    pollers_connect(&pollers, few, many);
    say_and_wait("held", many);
    pollers_close(&pollers);
}

/* Publishes a message, and notes the milliseconds until each poll is answered with it. Leaves the next poll in pollers->request, and
   returns its length. */
static size_t release_once(struct pollers *pollers, struct client *publisher, const char *post, size_t post_length, size_t body_length,
                           double *taken)
{
    struct epoll_event events[AT_A_TIME];
    struct answer answer;
    long number = read_digits(post + post_length - body_length, NUMBER_DIGITS);
    int answered = 0;
    bool receipt = false;
    size_t next_length = 0;

    for (int i = 0; i < pollers->count; i++)
        taken[i] = NOT_YET;
    double begin = seconds();
    send_request(publisher, post, post_length);
    while (answered < pollers->count || !receipt) {
        int ready = epoll_wait(pollers->epoll, events, AT_A_TIME, PATIENCE_MS);
        if (ready == 0)
            fail("%d of %d polls were not released within %d s", pollers->count - answered, pollers->count, PATIENCE_MS / 1000);
        for (int i = 0; i < ready; i++) {
            int key = (int)events[i].data.u32;
            if (key == pollers->count) {
                if (receive(publisher, &answer)) {
                    expect_receipt(&answer);
                    receipt = true;
                }
            } else if (receive(&pollers->clients[key], &answer)) {
                double now = seconds();
                if (message_number(&answer, body_length) != number || taken[key] != NOT_YET)
                    fail("a poll was released by another message, or twice");
                taken[key] = (now - begin) * 1e3;
                if (++answered == pollers->count)
                    next_length = next_poll(pollers, &answer);
            }
        }
    }
    return next_length;
}

void release(struct places at, int count, int body_length, int times, const char *channel)
{
    char path[512], post[REQUEST_SPACE];
    struct pollers pollers;
    struct client publisher;
    double *taken = allocate((size_t)count, sizeof *taken);
    snprintf(path, sizeof path, "%s%s", at.publisher, channel);
    size_t post_length = post_request(post, path, (size_t)body_length);
    pollers_open(&pollers, at, count, channel);
    dial(&publisher, at.publisher_port);
    watch(pollers.epoll, publisher.socket, (unsigned)count);
    pollers_connect(&pollers, 0, count);
    for (int time = 1; time <= times; time++) {
        write_digits(post + post_length - body_length, NUMBER_DIGITS, (unsigned long)time);
        size_t next_length = release_once(&pollers, &publisher, post, post_length, (size_t)body_length, taken);
        print_times(taken, count);
        if (time < times) {
            for (int i = 0; i < count; i++)
                send_request(&pollers.clients[i], pollers.request, next_length);
            await_held(&pollers, count);
        }
    }
    hang_up(&publisher);
    pollers_close(&pollers);
}
