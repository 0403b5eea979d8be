#include "commands.h"
#include "common.h"
#include "fan.h"
#include "pollers.h"

#include <stdio.h>

struct feed {
    struct pollers pollers;
    struct fan fan;
    const char *channel;
    bool resume;
};

/* Makes the request for what comes after the message in the answer, or for whatever comes next. Returns its length. */
static size_t again(struct feed *feed, const struct answer *answer)
{
    char since[80] = "";
    if (feed->resume) {
        size_t id_length;
        const char *id = header(answer, "x-tyron-id", &id_length);
        if (id == NULL || id_length > 64)
            fail("a message has no id");
        snprintf(since, sizeof since, "?since=%.*s", (int)id_length, id);
    }
    int length = snprintf(feed->pollers.request, REQUEST_SPACE, "GET %s%s/%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                          feed->pollers.at.subscriber, feed->channel, since);
    return (size_t)length;
}

static void take_message(void *work, int poller)
{
    struct feed *feed = work;
    struct answer answer;
    if (!receive(&feed->pollers.clients[poller], &answer))
        return;
    fan_count(&feed->fan, poller, message_number(&answer, feed->fan.body_length));
    send_request(&feed->pollers.clients[poller], feed->pollers.request, again(feed, &answer));
}

static void wait_for_all(void *work)
{
    struct feed *feed = work;
    await_held(&feed->pollers, feed->pollers.count);
}

/* The publisher tells who is there only of a channel that was made; those who wait for Tyron do not make it. */
static void make_channel(struct feed *feed)
{
    char request[REQUEST_SPACE];
    struct answer answer;
    int length = snprintf(request, sizeof request, "PUT %s%s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n",
                          feed->pollers.at.publisher, feed->channel);
    ask(&feed->pollers.asker, request, (size_t)length, &answer);
    if (answer.status != 200)
        fail("a channel was not made: %d", answer.status);
}

void feed(struct places at, int pollers, int body_length, int window, int warm_ms, int measured_ms, const char *channel,
          const char *pubsub, bool resume)
{
    struct feed feed = {.channel = channel, .resume = resume};
    pollers_open(&feed.pollers, at, pollers, channel);
    make_channel(&feed);
    pollers_connect(&feed.pollers, 0, pollers);
    fan_open_redis(&feed.fan, at.publisher_port, feed.pollers.epoll, pollers, window, body_length, pubsub, channel);
    if (!resume)
        feed.fan.before = wait_for_all;
    fan_run(&feed.fan, &feed, take_message, warm_ms, measured_ms);
    pollers_close(&feed.pollers);
}
