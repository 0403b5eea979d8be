#include "commands.h"
#include "common.h"
#include "pace.h"

#include <stdio.h>
#include <string.h>

enum { CHANNEL_DIGITS = 7 };

struct posts {
    char (*requests)[REQUEST_SPACE];
    size_t length, channel_at;
    long sent, channels;
};

static bool next_post(void *work, int client, const char **request, size_t *length)
{
    struct posts *posts = work;
    char *own = posts->requests[client];
    write_digits(own + posts->channel_at, CHANNEL_DIGITS, (unsigned long)(posts->sent++ % posts->channels));
    *request = own;
    *length = posts->length;
    return true;
}

/* The first pass makes the channels. */
static bool first_post(void *work, int client, const char **request, size_t *length)
{
    struct posts *posts = work;
    return posts->sent < posts->channels && next_post(work, client, request, length);
}

static void take_receipt(void *work, int client, const struct answer *answer)
{
    (void)work;
    (void)client;
    expect_receipt(answer);
}

void publish(struct places at, int connections, int body_length, int channels, int warm_ms, int measured_ms)
{
    char path[512];
    snprintf(path, sizeof path, "%s%0*d", at.publisher, CHANNEL_DIGITS, 0);
    struct posts posts = {.requests = allocate((size_t)connections, REQUEST_SPACE), .channels = channels};
    for (int i = 0; i < connections; i++)
        posts.length = post_request(posts.requests[i], path, (size_t)body_length);
    posts.channel_at = strlen("POST ") + strlen(at.publisher);

    long answered = closed_loop(at.publisher_port, connections, &posts, first_post, take_receipt, NULL);
    if (answered != channels)
        fail("%ld of %d channels were published to", answered, channels);
    struct pace pace;
    pace_start(&pace, warm_ms, measured_ms);
    answered = closed_loop(at.publisher_port, connections, &posts, next_post, take_receipt, &pace);
    printf("rate=%.1f answered=%ld\n", pace_rate(&pace), answered);
}
