#include "fan.h"

#include "common.h"
#include "pace.h"
#include "redis.h"

#include <stdio.h>
#include <stdlib.h>

enum { AT_A_TIME = 512 };

static bool http_receipt(struct client *publisher)
{
    struct answer answer;
    if (!receive(publisher, &answer))
        return false;
    expect_receipt(&answer);
    return true;
}

static void open_publishers(struct fan *fan, int port)
{
    fan->got = allocate((size_t)fan->takers, sizeof *fan->got);
    fan->publishers = allocate((size_t)fan->window, sizeof *fan->publishers);
    for (int i = 0; i < fan->window; i++) {
        dial(&fan->publishers[i].client, port);
        watch(fan->epoll, fan->publishers[i].client.socket, (unsigned)(fan->takers + i));
    }
}

void fan_open(struct fan *fan, struct places at, int epoll, int takers, int window, int body_length, const char *channel)
{
    char path[512];
    *fan = (struct fan){.epoll = epoll, .takers = takers, .window = window, .body_length = (size_t)body_length};
    fan->receipt = http_receipt;
    fan->wait = await_ready;
    snprintf(path, sizeof path, "%s%s", at.publisher, channel);
    fan->post_length = post_request(fan->post, path, fan->body_length);
    fan->number_at = fan->post_length - fan->body_length;
    open_publishers(fan, at.publisher_port);
}

void fan_open_redis(struct fan *fan, int port, int epoll, int takers, int window, int body_length, const char *pubsub, const char *channel)
{
    *fan = (struct fan){.epoll = epoll, .takers = takers, .window = window, .body_length = (size_t)body_length};
    fan->receipt = redis_receipt;
    fan->wait = epoll_wait; /* redis-server is on the core of load */
    fan->post_length = redis_publish(fan->post, pubsub, channel, fan->body_length, &fan->number_at);
    open_publishers(fan, port);
}

void fan_count(struct fan *fan, int taker, long number)
{
    struct got *got = &fan->got[taker];
    got->sum += number;
    got->count++;
    fan->delivered++;
}

static void publish_next(struct fan *fan)
{
    for (int i = 0; i < fan->window && fan->sent - fan->done < fan->window; i++) {
        struct publisher *publisher = &fan->publishers[i];
        if (publisher->busy)
            continue;
        fan->sent++;
        write_digits(fan->post + fan->number_at, NUMBER_DIGITS, (unsigned long)fan->sent);
        send_request(&publisher->client, fan->post, fan->post_length);
        publisher->busy = true;
    }
}

static void check_all_got_all(const struct fan *fan)
{
    for (int i = 0; i < fan->takers; i++)
        if (fan->got[i].count != fan->sent || fan->got[i].sum != fan->sent * (fan->sent + 1) / 2)
            fail("a subscriber got %ld messages, not each of the %ld once", fan->got[i].count, fan->sent);
}

void fan_run(struct fan *fan, void *work, take_readable *take, int warm_ms, int measured_ms)
{
    struct epoll_event events[AT_A_TIME];
    struct pace pace;
    bool going = true;
    pace_start(&pace, warm_ms, measured_ms);
    while (going || fan->done < fan->sent) {
        if (going) {
            if (fan->before != NULL && fan->sent == fan->done)
                fan->before(work);
            publish_next(fan);
        }
        int ready = fan->wait(fan->epoll, events, AT_A_TIME, PATIENCE_MS);
        if (ready == 0)
            fail("%ld of %ld deliveries did not come within %d s", fan->sent * fan->takers - fan->delivered, fan->sent * fan->takers,
                 PATIENCE_MS / 1000);
        for (int i = 0; i < ready; i++) {
            int key = (int)events[i].data.u32;
            if (key >= fan->takers)
                fan->publishers[key - fan->takers].busy = !fan->receipt(&fan->publishers[key - fan->takers].client);
            else
                take(work, key);
        }
        long done = fan->delivered / fan->takers;
        if (done > fan->done) {
            /* Whole messages only: the last one is not over when its first takers have it. */
            if (going)
                going = pace_count(&pace, seconds(), (done - fan->done) * fan->takers);
            fan->done = done;
        }
    }
    check_all_got_all(fan);
    printf("rate=%.1f messages=%ld\n", pace_rate(&pace), fan->sent);
    for (int i = 0; i < fan->window; i++)
        hang_up(&fan->publishers[i].client);
    free(fan->publishers);
    free(fan->got);
}
