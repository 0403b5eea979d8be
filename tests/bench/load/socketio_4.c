#include "common.h"
#include "dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEPARATOR = 0x1e };

static void understand(const char *packet, size_t length, struct word *word)
{
    static const char label[] = "\"sid\":\"";
    *word = (struct word){.meaning = NOTHING};
    char type = length == 0 ? '\0' : packet[0], inner = length < 2 ? '\0' : packet[1];
    if (type == '0') {
        const char *id = memmem(packet, length, label, sizeof label - 1), *stop = packet + length;
        const char *end = id == NULL ? NULL : memchr(id + sizeof label - 1, '"', (size_t)(stop - id) - sizeof label + 1);
        if (end == NULL)
            fail("a session is opened without an id: %.*s", (int)length, packet);
        *word = (struct word){.meaning = OPENED, .id = id + sizeof label - 1, .id_length = (size_t)(end - id) - sizeof label + 1};
    } else if (type == '2') {
        word->meaning = HEARTBEAT;
    } else if (type == '4' && inner == '0') {
        word->meaning = CONNECTED;
    } else if (type == '4' && inner == '2') {
        word->meaning = EVENT;
    } else if (type == '4' && inner == '3') {
        char *end;
        word->meaning = ACKNOWLEDGED;
        word->number = strtol(packet + 2, &end, 10);
        if (end == packet + 2)
            fail("an acknowledgement has no number: %.*s", (int)length, packet);
    } else if (type != '6') {
        fail("the server says %.*s", (int)length, packet);
    }
}

static bool next_packet(const char **payload, size_t *left, const char **packet, size_t *length)
{
    if (*left == 0)
        return false;
    const char *end = memchr(*payload, SEPARATOR, *left);
    *packet = *payload;
    *length = end == NULL ? *left : (size_t)(end - *payload);
    size_t used = *length + (end != NULL);
    *payload += used;
    *left -= used;
    return true;
}

static size_t event(char *into, size_t space, long number, const char *name, const char *argument)
{
    return (size_t)snprintf(into, space, "42%ld[\"%s\",\"%s\"]", number, name, argument);
}

const struct dialect socketio_4 = {
    .name = "socketio-4",
    .polling_handshake = "/socket.io/?EIO=4&transport=polling",
    .websocket = "/socket.io/?EIO=4&transport=websocket",
    .polling = "/socket.io/?EIO=4&transport=polling&sid=%s",
    .hello = "40",
    .alive = "3",
    .goodbye = "1",
    .read_handshake = understand,
    .next_packet = next_packet,
    .understand = understand,
    .event = event,
};
