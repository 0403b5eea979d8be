#include "commands.h"
#include "common.h"
#include "pace.h"
#include "pollers.h"

#include <stdio.h>
#include <sys/epoll.h>

enum { AT_A_TIME = 512 };

/* What a poller has got: each of the messages 1 to n once, which their sum tells in any order. */
struct got {
    long count, sum;
};

struct publisher {
    struct client client;
    bool busy;
};

struct cycle {
    struct pollers pollers;
    struct publisher *publishers;
    struct got *got;
    char post[REQUEST_SPACE];
    size_t post_length, body_length;
    long sent, done, delivered;
    int window;
};

static void publish_next(struct cycle *cycle)
{
    for (int i = 0; i < cycle->window && cycle->sent - cycle->done < cycle->window; i++) {
        struct publisher *publisher = &cycle->publishers[i];
        if (publisher->busy)
            continue;
        cycle->sent++;
        write_digits(cycle->post + cycle->post_length - cycle->body_length, NUMBER_DIGITS, (unsigned long)cycle->sent);
        send_request(&publisher->client, cycle->post, cycle->post_length);
        publisher->busy = true;
    }
}

static void take_event(struct cycle *cycle, int key)
{
    struct answer answer;
    if (key >= cycle->pollers.count) {
        struct publisher *publisher = &cycle->publishers[key - cycle->pollers.count];
        if (receive(&publisher->client, &answer)) {
            expect_receipt(&answer);
            publisher->busy = false;
        }
    } else if (receive(&cycle->pollers.clients[key], &answer)) {
        struct got *got = &cycle->got[key];
        got->sum += message_number(&answer, cycle->body_length);
        got->count++;
        cycle->delivered++;
        size_t length = next_poll(&cycle->pollers, &answer);
        send_request(&cycle->pollers.clients[key], cycle->pollers.request, length);
    }
}

static void check_all_got_all(const struct cycle *cycle)
{
    for (int i = 0; i < cycle->pollers.count; i++)
        if (cycle->got[i].count != cycle->sent || cycle->got[i].sum != cycle->sent * (cycle->sent + 1) / 2)
            fail("a poller got %ld messages, not each of the %ld once", cycle->got[i].count, cycle->sent);
}

void cycle(struct places at, int pollers, int body_length, int window, int warm_ms, int measured_ms, const char *channel)
{
    char path[512];
    struct cycle cycle = {.window = window, .body_length = (size_t)body_length};
    snprintf(path, sizeof path, "%s%s", at.publisher, channel);
    cycle.post_length = post_request(cycle.post, path, cycle.body_length);
    cycle.got = allocate((size_t)pollers, sizeof *cycle.got);
    cycle.publishers = allocate((size_t)window, sizeof *cycle.publishers);
    pollers_open(&cycle.pollers, at, pollers, channel);
    pollers_connect(&cycle.pollers, 0, pollers);
    for (int i = 0; i < window; i++) {
        dial(&cycle.publishers[i].client, at.publisher_port);
        watch(cycle.pollers.epoll, cycle.publishers[i].client.socket, (unsigned)(pollers + i));
    }

    struct epoll_event events[AT_A_TIME];
    struct pace pace;
    bool going = true;
    pace_start(&pace, warm_ms, measured_ms);
    while (going || cycle.done < cycle.sent) {
        if (going)
            publish_next(&cycle);
        int ready = epoll_wait(cycle.pollers.epoll, events, AT_A_TIME, PATIENCE_MS);
        if (ready == 0)
            fail("%ld of %ld deliveries did not come within %d s", cycle.sent * pollers - cycle.delivered, cycle.sent * pollers,
                 PATIENCE_MS / 1000);
        for (int i = 0; i < ready; i++)
            take_event(&cycle, (int)events[i].data.u32);
        long done = cycle.delivered / pollers;
        if (done > cycle.done) {
            /* Whole messages only: the last one is not over when its first polls are answered. */
            if (going)
                going = pace_count(&pace, seconds(), (done - cycle.done) * pollers);
            cycle.done = done;
        }
    }
    check_all_got_all(&cycle);
    printf("rate=%.1f messages=%ld\n", pace_rate(&pace), cycle.sent);
    pollers_close(&cycle.pollers);
}
