#include "commands.h"
#include "common.h"
#include "pace.h"
#include "sessions.h"
#include "websocket.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

enum { AT_A_TIME = 512 };

struct echoes {
    struct sessions sessions;
    char text[TEXT_SPACE];
    size_t body_length;
    long *asked; /* the number of the event under way, by session */
    long answered;
    int busy;
    bool going;
};

static void say_next(struct echoes *echoes, int session)
{
    char packet[TEXT_SPACE];
    long number = ++echoes->asked[session];
    write_digits(echoes->text, NUMBER_DIGITS, (unsigned long)number);
    sessions_say(&echoes->sessions, session, packet, echoes->sessions.dialect->event(packet, sizeof packet, number, "echo", echoes->text));
}

static void take_answer_of(void *work, int session, const struct word *word, const char *packet, size_t length)
{
    struct echoes *echoes = work;
    long asked = echoes->asked[session];
    if (word->meaning != ACKNOWLEDGED || word->number != asked || packet_number(packet, length, echoes->body_length) != asked)
        fail("event %ld is answered: %.*s", asked, (int)length, packet);
    echoes->answered++;
    if (echoes->going)
        say_next(echoes, session);
    else
        echoes->busy--;
}

void roundtrip(struct places at, int sessions, int body_length, int warm_ms, int measured_ms, const char *carrier, const char *dialect)
{
    struct echoes echoes = {.body_length = (size_t)body_length, .asked = allocate((size_t)sessions, sizeof(long)), .going = true};
    if (body_length <= NUMBER_DIGITS || body_length > TEXT_SPACE / 2)
        fail("a body of %d bytes does not fit", body_length);
    memset(echoes.text, 'x', echoes.body_length - 1);
    echoes.text[echoes.body_length - 1] = MARKER;
    sessions_open(&echoes.sessions, at, sessions, carrier, dialect);
    sessions_join_all(&echoes.sessions, 0, sessions, NULL);
    echoes.sessions.take = take_answer_of;
    echoes.sessions.work = &echoes;

    struct epoll_event events[AT_A_TIME];
    struct pace pace;
    pace_start(&pace, warm_ms, measured_ms);
    for (int i = 0; i < sessions; i++)
        say_next(&echoes, i);
    echoes.busy = sessions;
    while (echoes.busy > 0) {
        int ready = epoll_wait(echoes.sessions.epoll, events, AT_A_TIME, PATIENCE_MS);
        long before = echoes.answered;
        if (ready == 0)
            fail("%d of %d events were not acknowledged within %d s", echoes.busy, sessions, PATIENCE_MS / 1000);
        for (int i = 0; i < ready; i++)
            sessions_read(&echoes.sessions, (int)events[i].data.u32);
        if (echoes.going)
            echoes.going = pace_count(&pace, seconds(), echoes.answered - before);
    }
    printf("rate=%.1f answered=%ld\n", pace_rate(&pace), echoes.answered);
    sessions_close(&echoes.sessions);
}
