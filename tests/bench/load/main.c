/* The load generator: one thread, closed loops, every answer looked at. Wrong answers, and none, end it with one line on stderr. */
#include "commands.h"
#include "common.h"

#include <stdio.h>
#include <string.h>

static const char usage[] = "usage: load WORK PUBLISHER_PORT PUBLISHER_PATH SUBSCRIBER_PORT SUBSCRIBER_PATH ...\n"
                            "  publish     CONNECTIONS BODY CHANNELS WARM_MS MEASURED_MS\n"
                            "  cycle       POLLERS BODY WINDOW WARM_MS MEASURED_MS CHANNEL\n"
                            "  feed        POLLERS BODY WINDOW WARM_MS MEASURED_MS CHANNEL PUBSUB since|next\n"
                            "  hold        FEW MANY CHANNEL\n"
                            "  release     POLLERS BODY TIMES CHANNEL\n"
                            "  fill        CONNECTIONS BODY MESSAGES CHANNEL FILE\n"
                            "  backlog     CONNECTIONS BODY WARM_MS MEASURED_MS CHANNEL FILE\n"
                            "  fanout      SESSIONS BODY WINDOW WARM_MS MEASURED_MS CHANNEL CARRIER DIALECT\n"
                            "  roundtrip   SESSIONS BODY WARM_MS MEASURED_MS CARRIER DIALECT\n"
                            "  idle        FEW MANY CHANNEL CARRIER DIALECT\n"
                            "  come-and-go SESSIONS TIMES AT_A_TIME CHANNEL CARRIER DIALECT\n"
                            "  streams     SUBSCRIBERS BODY WINDOW WARM_MS MEASURED_MS CHANNEL websocket|eventsource\n"
                            "  reach       SUBSCRIBERS BODY TIMES CHANNEL websocket|eventsource\n"
                            "  stay        FEW MANY CHANNEL websocket|eventsource";

enum { FIXED = 6, LARGEST = 5 };

int main(int count, char **words)
{
    static const struct {
        const char *name;
        int numbers, texts;
    } works[] = {{"publish", 5, 0}, {"cycle", 5, 1}, {"hold", 2, 1}, {"release", 3, 1}, {"fill", 3, 2}, {"backlog", 4, 2},
                 {"fanout", 5, 3}, {"roundtrip", 4, 2}, {"idle", 2, 3}, {"come-and-go", 3, 3}, {"streams", 5, 2}, {"reach", 3, 2},
                 {"stay", 2, 2}, {"feed", 5, 3}};

    raise_descriptor_limit();
    for (size_t i = 0; count > FIXED && i < sizeof works / sizeof *works; i++) {
        if (strcmp(words[1], works[i].name) != 0 || count != FIXED + works[i].numbers + works[i].texts)
            continue;
        struct places at = {
            .publisher_port = (int)whole("PUBLISHER_PORT", words[2], 1),
            .publisher = words[3],
            .subscriber_port = (int)whole("SUBSCRIBER_PORT", words[4], 1),
            .subscriber = words[5],
        };
        int n[LARGEST] = {0};
        for (int k = 0; k < works[i].numbers; k++)
            n[k] = (int)whole("a number", words[FIXED + k], 1);
        char **texts = words + FIXED + works[i].numbers;
        switch (i) {
        case 0: publish(at, n[0], n[1], n[2], n[3], n[4]); break;
        case 1: cycle(at, n[0], n[1], n[2], n[3], n[4], texts[0]); break;
        case 2: hold(at, n[0], n[1], texts[0]); break;
        case 3: release(at, n[0], n[1], n[2], texts[0]); break;
        case 4: fill(at, n[0], n[1], n[2], texts[0], texts[1]); break;
        case 5: backlog(at, n[0], n[1], n[2], n[3], texts[0], texts[1]); break;
        case 6: fanout(at, n[0], n[1], n[2], n[3], n[4], texts[0], texts[1], texts[2]); break;
        case 7: roundtrip(at, n[0], n[1], n[2], n[3], texts[0], texts[1]); break;
        case 8: idle(at, n[0], n[1], texts[0], texts[1], texts[2]); break;
        case 9: come_and_go(at, n[0], n[1], n[2], texts[0], texts[1], texts[2]); break;
        case 10: streams(at, n[0], n[1], n[2], n[3], n[4], texts[0], texts[1]); break;
        case 11: reach(at, n[0], n[1], n[2], texts[0], texts[1]); break;
        case 12: stay(at, n[0], n[1], texts[0], texts[1]); break;
        default: feed(at, n[0], n[1], n[2], n[3], n[4], texts[0], texts[1], strcmp(texts[2], "since") == 0);
        }
        return 0;
    }
    fail("%s", usage);
}
