#include "common.h"
#include "dialect.h"

#include <stdio.h>
#include <string.h>

/* Strings of a frame a[...] are JSON texts, in which every quote has a backslash. */
static const char *end_of_string(const char *at, const char *stop)
{
    for (const char *quote = at; (quote = memchr(quote, '"', (size_t)(stop - quote))) != NULL; quote++) {
        size_t backslashes = 0;
        while (quote - backslashes > at && quote[-1 - (long)backslashes] == '\\')
            backslashes++;
        if (backslashes % 2 == 0)
            return quote;
    }
    fail("a frame has a string without an end");
}

/* A payload is a frame: one of a letter, a closing one, or an array, whose strings are its packets. */
static bool next_packet(const char **payload, size_t *left, const char **packet, size_t *length)
{
    const char *at = *payload, *stop = at + *left;
    if (at < stop && *at == '\n')
        at++;
    if (at == stop)
        return false;
    if (*at == 'a' && stop - at > 1 && at[1] == '[')
        at += 2;
    else if (*at == ',')
        at++;
    else {
        /* Other frames have no parts. */
        *packet = at;
        *length = *left;
        *left = 0;
        return true;
    }
    if (at == stop || *at != '"')
        fail("the server says %.*s", (int)*left, *payload);
    const char *end = end_of_string(at + 1, stop);
    *packet = at + 1;
    *length = (size_t)(end - *packet);
    at = end + 1;
    if (at < stop && *at == ']')
        at++;
    *left = (size_t)(stop - at);
    *payload = at;
    return true;
}

static void understand(const char *packet, size_t length, struct word *word)
{
    static const char start[] = "{\\\"message\\\":", notice[] = "\\\"type\\\":\\\"subscribe\\\"";
    *word = (struct word){.meaning = NOTHING};
    if (length > sizeof start && memcmp(packet, start, sizeof start - 1) == 0) {
        /* An object is a notice, the first of them that of the session's own subscription; what is published here is text. */
        word->meaning = packet[sizeof start - 1] == '{' ? ACKNOWLEDGED : EVENT;
        word->number = 1;
        if (word->meaning == ACKNOWLEDGED && memmem(packet, length, notice, sizeof notice - 1) == NULL)
            fail("the server says %.*s", (int)length, packet);
    } else if (length > 0 && packet[0] == 'o') {
        word->meaning = CONNECTED;
    } else if (length == 0 || packet[0] != 'h') {
        fail("the server says %.*s", (int)length, packet);
    }
}

static size_t event(char *into, size_t space, long number, const char *name, const char *argument)
{
    (void)number;
    return (size_t)snprintf(into, space, "[\"{\\\"type\\\":\\\"%s\\\",\\\"channel\\\":\\\"%s\\\"}\"]", name, argument);
}

const struct dialect sockjs = {
    .name = "sockjs",
    .websocket = "/connect/000/%s/websocket",
    .polling = "/connect/000/%s/xhr",
    .streaming = "/connect/000/%s/xhr_streaming",
    .saying = "/connect/000/%s/xhr_send",
    .names_itself = true,
    .posts = true,
    .frames_payloads = true,
    .crowd = 50,
    .next_packet = next_packet,
    .understand = understand,
    .event = event,
};
