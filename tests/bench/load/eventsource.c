#include "eventsource.h"

#include "common.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { AT_A_TIME = 1 << 17 };

void subscribe(struct client *client, const char *location, const char *channel)
{
    char text[REQUEST_SPACE];
    size_t length = get_request(text, location, channel);
    length += (size_t)snprintf(text + length, sizeof text - length, "Accept: text/event-stream\r\n\r\n");
    begin_answer(client, text, length, "HTTP/1.1 200 ");
}

static bool begins(const char *line, size_t length, const char *with)
{
    return length >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static bool is_length(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isxdigit((unsigned char)line[i]))
            return false;
    return true;
}

static void take_line(const char *line, size_t length, take_data *take, void *work, int index)
{
    static const char field[] = "data: ";
    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (begins(line, length, field))
        take(work, index, line + sizeof field - 1, length - (sizeof field - 1));
    else if (!begins(line, length, ":") && !begins(line, length, "id: ") && !begins(line, length, "retry: ") && !is_length(line, length))
        fail("an event stream says: %.*s", (int)(length < 80 ? length : 80), line);
}

void read_events(struct client *client, take_data *take, void *work, int index)
{
    /* Shared by all clients: what stays from one reading to the next is at most the beginning of one line. */
    static char shared[AT_A_TIME];
    size_t length = client->filled, used = 0;
    if (length > 0)
        memcpy(shared, client->part, length);
    ssize_t count = recv(client->socket, shared + length, sizeof shared - length, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count < 0)
        fail("the server has broken a connection: %s", strerror(errno));
    if (count == 0)
        fail("the server has closed a connection");
    length += (size_t)count;
    const char *end;
    while ((end = memchr(shared + used, '\n', length - used)) != NULL) {
        take_line(shared + used, (size_t)(end - shared) - used, take, work, index);
        used = (size_t)(end - shared) + 1;
    }
    client->filled = length - used;
    if (client->filled > ANSWER_SPACE)
        fail("an event stream has a line of more than %d bytes", ANSWER_SPACE);
    if (client->filled > 0) {
        if (client->part == NULL)
            client->part = allocate(1, ANSWER_SPACE + 1);
        memcpy(client->part, shared + used, client->filled);
    }
}
