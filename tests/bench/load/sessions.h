/* Sessions of a dialect, each on a connection of its own: over a WebSocket, over polls, one of which is always held, or over answers that
   go on. */
#ifndef BENCH_SESSIONS_H
#define BENCH_SESSIONS_H

#include "client.h"
#include "commands.h"
#include "dialect.h"
#include "stream.h"

/* Sessions that subscribe together. */
enum { SPEAKERS = 25 };

enum carrier { WEBSOCKET, POLLING, STREAMING };

struct session {
    struct client client;
    struct stream stream;
    char id[SESSION_ID_SPACE];
    bool opened, connected;
    long acknowledged; /* the number of the event that was acknowledged last */
};

/* A packet that the work of a command is about: an event, or an acknowledgement once all sessions are there. */
typedef void take_word(void *work, int session, const struct word *word, const char *packet, size_t length);

struct sessions {
    struct places at;
    const struct dialect *dialect;
    enum carrier carrier;
    int count, epoll;
    unsigned named; /* sessions that got an id of the client's own so far */
    struct session *all;
    struct client speakers[SPEAKERS]; /* carry what sessions say that have no WebSocket */
    take_word *take;
    void *work;
};

/* Makes room for count sessions; none is there yet. carrier is "websocket", "polling" or "streaming", dialect the name of one. */
void sessions_open(struct sessions *sessions, struct places at, int count, const char *carrier, const char *dialect);

/* Lets a session begin, and where channel is not NULL, subscribe to it. Waits until the server has confirmed it, and answers meanwhile
   what it says to the sessions that are there. */
void sessions_join(struct sessions *sessions, int index, const char *channel);

/* The same for sessions from one number to another: they begin one by one, and subscribe many together, so that a server that tells all
   about each has less to send. */
void sessions_join_all(struct sessions *sessions, int from, int to, const char *channel);

/* Reads what has come for a session. Polls again, asks for the next stream, and answers heartbeats. */
void sessions_read(struct sessions *sessions, int index);

/* Says a packet, without waiting over a WebSocket. */
void sessions_say(struct sessions *sessions, int index, const char *packet, size_t length);

/* Drops the connection of a session without a word. */
void sessions_drop(struct sessions *sessions, int index);

void sessions_close(struct sessions *sessions);

/* The number of the message, as common.h describes it, that is a string in a packet. Fails when there is none of that length. */
long packet_number(const char *packet, size_t length, size_t body_length);

#endif
