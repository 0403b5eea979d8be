#include "common.h"
#include "dialect.h"

#include <stdio.h>
#include <string.h>

/* Stands around the length of a packet, where a payload has more than one. */
static const char fence[] = "\xef\xbf\xbd";
enum { FENCE = sizeof fence - 1 };

static void read_handshake(const char *body, size_t length, struct word *word)
{
    const char *end = memchr(body, ':', length);
    if (end == NULL)
        fail("a handshake is answered: %.*s", (int)length, body);
    *word = (struct word){.meaning = OPENED, .id = body, .id_length = (size_t)(end - body)};
}

static bool next_packet(const char **payload, size_t *left, const char **packet, size_t *length)
{
    const char *at = *payload;
    if (*left == 0)
        return false;
    *packet = at;
    *length = *left;
    if (*left > FENCE && memcmp(at, fence, FENCE) == 0) {
        const char *end = memmem(at + FENCE, *left - FENCE, fence, FENCE);
        size_t units = 0;
        if (end == NULL || end == at + FENCE)
            fail("a payload has a packet without a length");
        for (const char *digit = at + FENCE; digit < end; digit++)
            units = units * 10 + (size_t)read_digits(digit, 1);
        *packet = end + FENCE;
        /* Lengths are in UTF-16; what is sent here is ASCII, of which each character is one unit and one byte. */
        *length = units;
        if (units > *left - (size_t)(*packet - at))
            fail("a payload has a packet of %zu characters that ends before them", units);
    }
    *left -= (size_t)(*packet + *length - at);
    *payload = *packet + *length;
    return true;
}

static void understand(const char *packet, size_t length, struct word *word)
{
    static const enum meaning meanings[] = {
        ['1'] = CONNECTED, ['2'] = HEARTBEAT, ['3'] = NOTHING, ['4'] = NOTHING, ['5'] = EVENT, ['6'] = ACKNOWLEDGED, ['8'] = NOTHING,
    };
    unsigned char type = length < 3 ? 0 : (unsigned char)packet[0];
    if (type < '1' || type > '8' || type == '7' || packet[1] != ':')
        fail("the server says %.*s", (int)length, packet);
    *word = (struct word){.meaning = meanings[type]};
    if (word->meaning == ACKNOWLEDGED && sscanf(packet, "6:::%ld", &word->number) != 1)
        fail("an acknowledgement has no number: %.*s", (int)length, packet);
}

static size_t event(char *into, size_t space, long number, const char *name, const char *argument)
{
    return (size_t)snprintf(into, space, "5:%ld+::{\"name\":\"%s\",\"args\":[\"%s\"]}", number, name, argument);
}

const struct dialect socketio_0_9 = {
    .name = "socketio-0.9",
    .websocket_handshake = "/socket.io/1/",
    .polling_handshake = "/socket.io/1/",
    .websocket = "/socket.io/1/websocket/%s",
    .polling = "/socket.io/1/xhr-polling/%s",
    .alive = "2::",
    .goodbye = "0::",
    .read_handshake = read_handshake,
    .next_packet = next_packet,
    .understand = understand,
    .event = event,
};
