/* A client of Redis that publishes, one command in flight: no more of RESP than that. */
#ifndef BENCH_REDIS_H
#define BENCH_REDIS_H

#include "client.h"

/* A PUBLISH of {"channel": channel, "data": message}, the message as common.h describes it; number_at tells where its number stands.
   Returns the length. */
size_t redis_publish(char into[REQUEST_SPACE], const char *pubsub, const char *channel, size_t body_length, size_t *number_at);

/* True when the reply is whole. Fails unless exactly one has heard the message. */
bool redis_receipt(struct client *client);

#endif
