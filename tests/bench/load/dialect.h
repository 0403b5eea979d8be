/* What sessions say, apart from what carries it: one dialect for each generation of a protocol. Pure: text in, text out. */
#ifndef BENCH_DIALECT_H
#define BENCH_DIALECT_H

#include <stdbool.h>
#include <stddef.h>

enum { SESSION_ID_SPACE = 64 };

enum meaning { NOTHING, OPENED, CONNECTED, HEARTBEAT, ACKNOWLEDGED, EVENT };

/* A packet as it was understood: the id of the session that was OPENED, or the number of the event that was ACKNOWLEDGED. */
struct word {
    enum meaning meaning;
    const char *id;
    size_t id_length;
    long number;
};

struct dialect {
    const char *name;
    const char *websocket, *polling, *streaming; /* paths, NULL where there is none; %s is the id of the session, where it is known */
    const char *saying; /* path of what polling and streaming sessions say, NULL for that of polls */
    const char *polling_handshake, *websocket_handshake; /* paths of what is asked first, NULL for nothing */
    bool names_itself, posts, frames_payloads; /* ids are the client's own; POST asks for packets; frames may have several */
    int crowd; /* idle sessions in a channel, 0 for all of them: less where each that subscribes is announced to all that are there */
    const char *hello, *alive, *goodbye; /* what makes a session connected, NULL for nothing, answers a heartbeat, ends the session */

    /* The id of the session in the body of a handshake. Fails without one. */
    void (*read_handshake)(const char *body, size_t length, struct word *word);

    /* Takes the next packet off a payload, false at its end. Fails when it is none. */
    bool (*next_packet)(const char **payload, size_t *left, const char **packet, size_t *length);

    /* Fails for a packet that ends the session, and for what is no packet. */
    void (*understand)(const char *packet, size_t length, struct word *word);

    /* The packet of an event with one argument of text, to be acknowledged with a number. The text needs no escapes. */
    size_t (*event)(char *into, size_t space, long number, const char *name, const char *argument);
};

/* Socket.IO 0.7 to 0.9, and Socket.IO 3 and 4 on Engine.IO 4; what SethPusher says on SockJS, where sessions subscribe without a name, so
   that they are not announced to everybody. */
extern const struct dialect socketio_0_9, socketio_4, sockjs;

#endif
