#include "commands.h"
#include "common.h"
#include "pace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* nchan counts the messages of a second in 15 bits, and puts them out of order when there are more. */
enum { DATE_SPACE = 32, IN_A_SECOND = 20000 };

struct entry {
    long time, tag, number;
    char date[DATE_SPACE];
};

struct filling {
    char (*requests)[REQUEST_SPACE];
    long *numbers; /* under way, by client */
    size_t length, body_length;
    long sent, messages; /* so far, and allowed so far */
    FILE *file;
};

static bool next_fill(void *work, int client, const char **request, size_t *length)
{
    struct filling *filling = work;
    if (filling->sent == filling->messages)
        return false;
    char *own = filling->requests[client];
    filling->numbers[client] = filling->sent++;
    write_digits(own + filling->length - filling->body_length, NUMBER_DIGITS, (unsigned long)filling->numbers[client]);
    *request = own;
    *length = filling->length;
    return true;
}

static void note_id(void *work, int client, const struct answer *answer)
{
    static const char label[] = "last message id: ";
    struct filling *filling = work;
    long time, tag;
    expect_receipt(answer);
    const char *found = strstr(answer->body, label);
    if (found == NULL || sscanf(found + sizeof label - 1, "%ld:%ld", &time, &tag) != 2)
        fail("a receipt has no id of the message");
    fprintf(filling->file, "%ld %ld %ld\n", time, tag, filling->numbers[client]);
}

void fill(struct places at, int connections, int body_length, int messages, const char *channel, const char *file)
{
    char path[512];
    struct filling filling = {.body_length = (size_t)body_length, .file = fopen(file, "w")};
    if (filling.file == NULL)
        fail("cannot write %s", file);
    snprintf(path, sizeof path, "%s%s", at.publisher, channel);
    filling.requests = allocate((size_t)connections, REQUEST_SPACE);
    filling.numbers = allocate((size_t)connections, sizeof *filling.numbers);
    for (int i = 0; i < connections; i++)
        filling.length = post_request(filling.requests[i], path, filling.body_length);
    long answered = 0;
    double begin = seconds();
    while (filling.messages < messages) {
        double early = begin + (double)filling.messages / IN_A_SECOND - seconds();
        if (early > 0)
            usleep((useconds_t)(early * 1e6));
        filling.messages = messages - filling.messages > IN_A_SECOND ? filling.messages + IN_A_SECOND : messages;
        answered += closed_loop(at.publisher_port, connections, &filling, next_fill, note_id, NULL);
    }
    if (fclose(filling.file) != 0)
        fail("cannot write %s", file);
    printf("filled=%ld\n", answered);
}

struct reading {
    struct entry *entries;
    char (*requests)[REQUEST_SPACE];
    long *asked; /* index of the entry under way, by client */
    size_t fixed_length, body_length;
    long count;
    unsigned long long chance;
};

static bool next_read(void *work, int client, const char **request, size_t *length)
{
    struct reading *reading = work;
    reading->chance ^= reading->chance << 13;
    reading->chance ^= reading->chance >> 7;
    reading->chance ^= reading->chance << 17;
    /* Not the last one: nothing follows it. */
    reading->asked[client] = (long)(reading->chance % (unsigned long long)(reading->count - 1));
    const struct entry *entry = &reading->entries[reading->asked[client]];
    char *own = reading->requests[client];
    *length = reading->fixed_length + (size_t)snprintf(own + reading->fixed_length, REQUEST_SPACE - reading->fixed_length,
                                                       "If-Modified-Since: %s\r\nIf-None-Match: %ld\r\n\r\n", entry->date, entry->tag);
    *request = own;
    return true;
}

static void take_message(void *work, int client, const struct answer *answer)
{
    const struct reading *reading = work;
    long number = message_number(answer, reading->body_length), expected = reading->entries[reading->asked[client] + 1].number;
    if (number != expected)
        fail("message %ld was read where %ld comes next", number, expected);
}

static int by_id(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return (a->tag > b->tag) - (a->tag < b->tag);
}

static void read_entries(struct reading *reading, const char *file)
{
    FILE *source = fopen(file, "r");
    struct entry entry = {0};
    long room = 0;
    if (source == NULL)
        fail("cannot read %s", file);
    while (fscanf(source, "%ld %ld %ld", &entry.time, &entry.tag, &entry.number) == 3) {
        if (reading->count == room) {
            room = room * 2 + 1024;
            reading->entries = realloc(reading->entries, (size_t)room * sizeof *reading->entries);
            if (reading->entries == NULL)
                fail("no memory for %ld ids", room);
        }
        time_t second = entry.time;
        struct tm parts;
        strftime(entry.date, sizeof entry.date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&second, &parts));
        reading->entries[reading->count++] = entry;
    }
    fclose(source);
    if (reading->count < 2)
        fail("%s has fewer than two ids", file);
    qsort(reading->entries, (size_t)reading->count, sizeof *reading->entries, by_id);
}

void backlog(struct places at, int connections, int body_length, int warm_ms, int measured_ms, const char *channel, const char *file)
{
    struct reading reading = {.body_length = (size_t)body_length, .chance = 88172645463325252ULL};
    read_entries(&reading, file);
    reading.requests = allocate((size_t)connections, REQUEST_SPACE);
    reading.asked = allocate((size_t)connections, sizeof *reading.asked);
    for (int i = 0; i < connections; i++)
        reading.fixed_length = get_request(reading.requests[i], at.subscriber, channel);
    struct pace pace;
    pace_start(&pace, warm_ms, measured_ms);
    long answered = closed_loop(at.subscriber_port, connections, &reading, next_read, take_message, &pace);
    printf("rate=%.1f answered=%ld\n", pace_rate(&pace), answered);
}
