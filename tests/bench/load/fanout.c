#include "commands.h"
#include "fan.h"
#include "sessions.h"

struct fanout {
    struct sessions sessions;
    struct fan fan;
};

static void take_message(void *work, int session, const struct word *word, const char *packet, size_t length)
{
    struct fanout *fanout = work;
    if (word->meaning == EVENT)
        fan_count(&fanout->fan, session, packet_number(packet, length, fanout->fan.body_length));
}

static void read_session(void *work, int session)
{
    sessions_read(&((struct fanout *)work)->sessions, session);
}

void fanout(struct places at, int sessions, int body_length, int window, int warm_ms, int measured_ms, const char *channel,
            const char *carrier, const char *dialect)
{
    struct fanout fanout;
    sessions_open(&fanout.sessions, at, sessions, carrier, dialect);
    sessions_join_all(&fanout.sessions, 0, sessions, channel);
    fan_open(&fanout.fan, at, fanout.sessions.epoll, sessions, window, body_length, channel);
    fanout.sessions.take = take_message;
    fanout.sessions.work = &fanout;
    fan_run(&fanout.fan, &fanout, read_session, warm_ms, measured_ms);
    sessions_close(&fanout.sessions);
}
