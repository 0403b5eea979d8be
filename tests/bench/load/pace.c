#include "pace.h"

#include "common.h"

#include <stdlib.h>
#include <sys/epoll.h>

enum { AT_A_TIME = 512 };

void pace_start(struct pace *pace, int warm_ms, int measured_ms)
{
    pace->begin = seconds();
    pace->warm_end = pace->begin + warm_ms / 1e3;
    pace->end = pace->warm_end + measured_ms / 1e3;
    pace->first = pace->last = 0;
    pace->counted = 0;
}

bool pace_count(struct pace *pace, double now, long answers)
{
    if (now < pace->warm_end)
        return true;
    if (pace->first == 0) {
        pace->first = now;
    } else {
        pace->counted += answers;
        pace->last = now;
    }
    /* On a busy machine the time may be over before there is anything to count. */
    return now < pace->end || pace->counted == 0;
}

double pace_rate(const struct pace *pace)
{
    if (pace->last <= pace->first)
        fail("too few answers to measure");
    return (double)pace->counted / (pace->last - pace->first);
}

long closed_loop(int port, int connections, void *work, next_request *next, take_answer *take, struct pace *pace)
{
    struct client *clients = allocate((size_t)connections, sizeof *clients);
    struct epoll_event events[AT_A_TIME];
    struct answer answer;
    const char *request;
    size_t length;
    int epoll = new_epoll(), busy = 0;
    long answered = 0;
    bool going = true;

    for (int i = 0; i < connections; i++) {
        dial(&clients[i], port);
        watch(epoll, clients[i].socket, (unsigned)i);
    }
    for (int i = 0; i < connections; i++) {
        if (next(work, i, &request, &length)) {
            send_request(&clients[i], request, length);
            busy++;
        }
    }
    while (busy > 0) {
        int ready = epoll_wait(epoll, events, AT_A_TIME, PATIENCE_MS);
        if (ready == 0)
            fail("%d of %d requests were not answered within %d s", busy, connections, PATIENCE_MS / 1000);
        long whole_answers = 0;
        for (int i = 0; i < ready; i++) {
            int index = (int)events[i].data.u32;
            if (!receive(&clients[index], &answer))
                continue;
            take(work, index, &answer);
            whole_answers++;
            if (going && next(work, index, &request, &length))
                send_request(&clients[index], request, length);
            else
                busy--;
        }
        answered += whole_answers;
        if (going && pace != NULL)
            going = pace_count(pace, seconds(), whole_answers);
    }
    for (int i = 0; i < connections; i++)
        hang_up(&clients[i]);
    free(clients);
    return answered;
}
