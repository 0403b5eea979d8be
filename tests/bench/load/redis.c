#include "redis.h"

#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

size_t redis_publish(char into[REQUEST_SPACE], const char *pubsub, const char *channel, size_t body_length, size_t *number_at)
{
    static const char data[] = "\", \"data\": \"", end[] = "\"}\r\n", start[] = "{\"channel\": \"";
    size_t envelope = sizeof start - 1 + strlen(channel) + sizeof data - 1 + body_length + sizeof end - 1 - 2;
    int head = snprintf(into, REQUEST_SPACE, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%zu\r\n%s%s%s", strlen(pubsub), pubsub, envelope,
                        start, channel, data);
    if (body_length <= NUMBER_DIGITS || (size_t)head + body_length + sizeof end > REQUEST_SPACE)
        fail("a message of %zu bytes does not fit", body_length);
    char *body = into + head;
    memset(body, 'x', body_length);
    write_digits(body, NUMBER_DIGITS, 0);
    body[body_length - 1] = MARKER;
    memcpy(body + body_length, end, sizeof end - 1);
    *number_at = (size_t)head;
    return (size_t)head + body_length + sizeof end - 1;
}

bool redis_receipt(struct client *client)
{
    /* The reply is shorter than anything that a local connection would cut in two. */
    char reply[128];
    ssize_t count = recv(client->socket, reply, sizeof reply - 1, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (count <= 0)
        fail("Redis has closed a connection");
    reply[count] = '\0';
    if (strcmp(reply, ":1\r\n") != 0)
        fail("a PUBLISH was not heard by one alone: %.*s", (int)strcspn(reply, "\r"), reply);
    return true;
}
