#include "client.h"
#include "commands.h"
#include "common.h"
#include "eventsource.h"
#include "fan.h"
#include "websocket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { AT_A_TIME = 512 };
static const double NOT_YET = -1;

struct crowd {
    struct places at;
    const char *channel;
    bool websocket;
    int count, epoll;
    struct client *all;
    size_t body_length;
};

static void crowd_open(struct crowd *crowd, struct places at, int count, int body_length, const char *channel, const char *kind)
{
    *crowd = (struct crowd){.at = at, .channel = channel, .count = count, .epoll = new_epoll(), .body_length = (size_t)body_length};
    crowd->websocket = strcmp(kind, "websocket") == 0;
    if (!crowd->websocket && strcmp(kind, "eventsource") != 0)
        fail("%s is no kind of stream", kind);
    crowd->all = allocate((size_t)count, sizeof *crowd->all);
}

static void crowd_join(struct crowd *crowd, int from, int to)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", crowd->at.subscriber, crowd->channel);
    for (int i = from; i < to; i++) {
        dial(&crowd->all[i], crowd->at.subscriber_port);
        if (crowd->websocket)
            upgrade(&crowd->all[i], path);
        else
            subscribe(&crowd->all[i], crowd->at.subscriber, crowd->channel);
        watch(crowd->epoll, crowd->all[i].socket, (unsigned)i);
    }
}

static void crowd_close(struct crowd *crowd)
{
    for (int i = 0; i < crowd->count; i++)
        hang_up(&crowd->all[i]);
    free(crowd->all);
    close(crowd->epoll);
}

static void crowd_read(struct crowd *crowd, take_text *take, void *work, int index)
{
    if (crowd->websocket)
        read_texts(&crowd->all[index], take, work, index);
    else
        read_events(&crowd->all[index], take, work, index);
}

static long number_of(const struct crowd *crowd, const char *text, size_t length)
{
    long number = body_number(text, length, crowd->body_length);
    if (number < 0)
        fail("a stream brings another body than was published: %.*s", (int)(length < 80 ? length : 80), text);
    return number;
}

/* streams */

struct fanning {
    struct crowd crowd;
    struct fan fan;
};

static void count_message(void *work, int index, const char *text, size_t length)
{
    struct fanning *fanning = work;
    fan_count(&fanning->fan, index, number_of(&fanning->crowd, text, length));
}

static void read_stream(void *work, int index)
{
    crowd_read(&((struct fanning *)work)->crowd, count_message, work, index);
}

void streams(struct places at, int count, int body_length, int window, int warm_ms, int measured_ms, const char *channel, const char *kind)
{
    struct fanning fanning;
    crowd_open(&fanning.crowd, at, count, body_length, channel, kind);
    crowd_join(&fanning.crowd, 0, count);
    fan_open(&fanning.fan, at, fanning.crowd.epoll, count, window, body_length, channel);
    fan_run(&fanning.fan, &fanning, read_stream, warm_ms, measured_ms);
    crowd_close(&fanning.crowd);
}

/* reach */

struct reaching {
    struct crowd crowd;
    double begin, *taken;
    long number;
    int reached;
};

static void time_message(void *work, int index, const char *text, size_t length)
{
    struct reaching *reaching = work;
    if (number_of(&reaching->crowd, text, length) != reaching->number || reaching->taken[index] != NOT_YET)
        fail("a stream brings another message than was published, or one twice");
    reaching->taken[index] = (seconds() - reaching->begin) * 1e3;
    reaching->reached++;
}

static void reach_once(struct reaching *reaching, struct client *publisher, const char *post, size_t post_length)
{
    struct epoll_event events[AT_A_TIME];
    struct answer answer;
    struct crowd *crowd = &reaching->crowd;
    bool receipt = false;

    for (int i = 0; i < crowd->count; i++)
        reaching->taken[i] = NOT_YET;
    reaching->reached = 0;
    reaching->begin = seconds();
    send_request(publisher, post, post_length);
    while (reaching->reached < crowd->count || !receipt) {
        int ready = await_ready(crowd->epoll, events, AT_A_TIME, PATIENCE_MS);
        if (ready == 0)
            fail("%d of %d streams were not reached within %d s", crowd->count - reaching->reached, crowd->count, PATIENCE_MS / 1000);
        for (int i = 0; i < ready; i++) {
            int key = (int)events[i].data.u32;
            if (key < crowd->count) {
                crowd_read(crowd, time_message, reaching, key);
            } else if (receive(publisher, &answer)) {
                expect_receipt(&answer);
                receipt = true;
            }
        }
    }
}

void reach(struct places at, int count, int body_length, int times, const char *channel, const char *kind)
{
    char path[512], post[REQUEST_SPACE];
    struct reaching reaching = {.taken = allocate((size_t)count, sizeof(double))};
    struct client publisher;
    snprintf(path, sizeof path, "%s%s", at.publisher, channel);
    size_t post_length = post_request(post, path, (size_t)body_length);
    crowd_open(&reaching.crowd, at, count, body_length, channel, kind);
    crowd_join(&reaching.crowd, 0, count);
    dial(&publisher, at.publisher_port);
    watch(reaching.crowd.epoll, publisher.socket, (unsigned)count);
    for (reaching.number = 1; reaching.number <= times; reaching.number++) {
        write_digits(post + post_length - body_length, NUMBER_DIGITS, (unsigned long)reaching.number);
        reach_once(&reaching, &publisher, post, post_length);
        print_times(reaching.taken, count);
    }
    hang_up(&publisher);
    crowd_close(&reaching.crowd);
    free(reaching.taken);
}

/* stay */

void stay(struct places at, int few, int many, const char *channel, const char *kind)
{
    struct crowd crowd;
    crowd_open(&crowd, at, many, 1, channel, kind);
    crowd_join(&crowd, 0, few);
    say_and_wait("subscribers", few);
    crowd_join(&crowd, few, many);
    say_and_wait("subscribers", many);
    crowd_close(&crowd);
}
