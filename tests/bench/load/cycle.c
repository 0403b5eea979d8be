#include "commands.h"
#include "fan.h"
#include "pollers.h"

struct cycle {
    struct pollers pollers;
    struct fan fan;
};

static void take_message(void *work, int poller)
{
    struct cycle *cycle = work;
    struct answer answer;
    if (!receive(&cycle->pollers.clients[poller], &answer))
        return;
    fan_count(&cycle->fan, poller, message_number(&answer, cycle->fan.body_length));
    size_t length = next_poll(&cycle->pollers, &answer);
    send_request(&cycle->pollers.clients[poller], cycle->pollers.request, length);
}

void cycle(struct places at, int pollers, int body_length, int window, int warm_ms, int measured_ms, const char *channel)
{
    struct cycle cycle;
    pollers_open(&cycle.pollers, at, pollers, channel);
    pollers_connect(&cycle.pollers, 0, pollers);
    fan_open(&cycle.fan, at, cycle.pollers.epoll, pollers, window, body_length, channel);
    fan_run(&cycle.fan, &cycle, take_message, warm_ms, measured_ms);
    pollers_close(&cycle.pollers);
}
