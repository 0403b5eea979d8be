#include "pollers.h"

#include "common.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Connections that a server is given at once: fewer than any of the servers lets queue. */
enum { AT_ONCE = 100 };

static size_t append(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    return length;
}

#define APPEND(at, literal) append(at, literal, sizeof literal - 1)

void pollers_open(struct pollers *pollers, struct places at, int count, const char *channel)
{
    *pollers = (struct pollers){.at = at, .count = count, .epoll = new_epoll()};
    pollers->clients = allocate((size_t)count, sizeof *pollers->clients);
    pollers->info_length = get_request(pollers->info, at.publisher, channel);
    pollers->info_length += APPEND(pollers->info + pollers->info_length, "\r\n");
    pollers->fixed_length = get_request(pollers->request, at.subscriber, channel);
    dial(&pollers->asker, at.subscriber_port);
}

void pollers_connect(struct pollers *pollers, int from, int to)
{
    size_t length = pollers->fixed_length;
    length += APPEND(pollers->request + length, "\r\n");
    for (int i = from; i < to; i++) {
        dial(&pollers->clients[i], pollers->at.subscriber_port);
        send_request(&pollers->clients[i], pollers->request, length);
        watch(pollers->epoll, pollers->clients[i].socket, (unsigned)i);
        if ((i + 1) % AT_ONCE == 0)
            await_held(pollers, i + 1);
    }
    await_held(pollers, to);
}

size_t next_poll(struct pollers *pollers, const struct answer *answer)
{
    size_t date_length, tag_length;
    const char *date = header(answer, "last-modified", &date_length), *tag = header(answer, "etag", &tag_length);
    if (date == NULL || tag == NULL || date_length + tag_length > 256)
        fail("a message has no id");
    char *request = pollers->request;
    size_t length = pollers->fixed_length;
    length += APPEND(request + length, "If-Modified-Since: ");
    length += append(request + length, date, date_length);
    length += APPEND(request + length, "\r\nIf-None-Match: ");
    length += append(request + length, tag, tag_length);
    length += APPEND(request + length, "\r\n\r\n");
    return length;
}

void await_held(struct pollers *pollers, int held)
{
    const struct timespec a_while = {.tv_nsec = 500 * 1000};
    double patience = seconds() + PATIENCE_MS / 1e3;
    struct answer answer;
    for (;;) {
        ask(&pollers->asker, pollers->info, pollers->info_length, &answer);
        long there = info_number(&answer, "active subscribers: ");
        if (there == held)
            return;
        if (seconds() > patience)
            fail("the server holds %ld polls in place of %d", there, held);
        nanosleep(&a_while, NULL);
    }
}

void pollers_close(struct pollers *pollers)
{
    for (int i = 0; i < pollers->count; i++)
        hang_up(&pollers->clients[i]);
    hang_up(&pollers->asker);
    free(pollers->clients);
}
