#include "commands.h"
#include "common.h"
#include "sessions.h"

#include <stdio.h>
#include <string.h>

static void join_crowds(struct sessions *sessions, int from, int to, const char *channel)
{
    int crowd = sessions->dialect->crowd > 0 ? sessions->dialect->crowd : sessions->count;
    char own[SESSION_ID_SPACE];
    for (int i = from; i < to; i += crowd) {
        snprintf(own, sizeof own, "%.32s-%d", channel, i / crowd);
        sessions_join_all(sessions, i, i + crowd < to ? i + crowd : to, own);
    }
}

void idle(struct places at, int few, int many, const char *channel, const char *carrier, const char *dialect)
{
    struct sessions sessions;
    sessions_open(&sessions, at, many, carrier, dialect);
    join_crowds(&sessions, 0, few, channel);
    say_and_wait("sessions", few);
    join_crowds(&sessions, few, many, channel);
    say_and_wait("sessions", many);
    sessions_close(&sessions);
}

/* One session begins, and the one that began longest ago is dropped: with a word of goodbye, where there is one, or without. */
static void replace(struct sessions *sessions, long number, const char *channel)
{
    int index = (int)(number % sessions->count);
    if (number >= sessions->count) {
        const char *goodbye = sessions->dialect->goodbye;
        if (goodbye != NULL && number % 2 == 0)
            sessions_say(sessions, index, goodbye, strlen(goodbye));
        sessions_drop(sessions, index);
    }
    sessions_join(sessions, index, channel);
}

void come_and_go(struct places at, int count, int times, int at_a_time, const char *channel, const char *carrier, const char *dialect)
{
    struct sessions sessions;
    for (int time = 1; time <= times; time++) {
        sessions_open(&sessions, at, at_a_time, carrier, dialect);
        for (long number = 0; number < count; number++)
            replace(&sessions, number, channel);
        sessions_close(&sessions);
        say_and_wait("times", time);
    }
}
