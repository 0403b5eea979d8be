/* Event streams as a client has them (HTML standard, section 9.2), as far as the servers under load write them: a line is never cut by a
   chunk, and the lines of chunks are those that are told from fields by having nothing but a length. */
#ifndef BENCH_EVENTSOURCE_H
#define BENCH_EVENTSOURCE_H

#include "client.h"

/* The data of an event, on one line. It lives until the function returns. */
typedef void take_data(void *work, int index, const char *data, size_t length);

/* Asks for a stream, and waits until the server has agreed. What follows is left to read_events. */
void subscribe(struct client *client, const char *location, const char *channel);

/* Reads what has come, once, and hands over the data of each event in order. Fails when the server has closed, and for an event with a
   name: none was published. */
void read_events(struct client *client, take_data *take, void *work, int index);

#endif
