/* One HTTP client on 127.0.0.1: a keep-alive connection with one request in flight, and no more of HTTP than the servers under load say. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    PATIENCE_MS = 10000, /* without any answer: then the run has failed */
    REQUEST_SPACE = 2048,
    ANSWER_SPACE = 16384,
};

struct client {
    int socket;
    size_t filled; /* bytes of an answer that has come in part */
    char *part;
};

/* Points into a buffer that lives until the next receive. A zero byte stands behind the body. */
struct answer {
    int status;
    const char *head, *body;
    size_t head_length, body_length;
};

/* Waits for the connection, in bounded time. */
void dial(struct client *client, int port);

/* Closes without TIME_WAIT: tens of thousands of connections of one round would else use up the ports of the next. */
void hang_up(struct client *client);

void send_request(struct client *client, const char *request, size_t length);

/* True when the answer is whole, false when there is nothing to read or more has to come. Fails when the server has closed, has sent
   what is not HTTP, has neither a Content-Length nor chunks, or has said more than one answer. */
bool receive(struct client *client, struct answer *answer);

/* The head of a GET but for its last, empty line. Returns the length. */
size_t get_request(char into[REQUEST_SPACE], const char *location, const char *channel);

/* Wait for the answer to what was sent. */
void await(struct client *client, struct answer *answer);

/* Send, and wait for the answer. */
void ask(struct client *client, const char *request, size_t length, struct answer *answer);

/* Sends a request, and waits until the head of its answer is there, which has to begin so. What stands behind it is left to be read. */
void begin_answer(struct client *client, const char *request, size_t length, const char *agreed);

/* The value of a header, NULL when absent; name in any case, without colon. */
const char *header(const struct answer *answer, const char *name, size_t *length);

/* A POST whose body is a message as common.h describes it. Returns the length; the body is its last body_length bytes. */
size_t post_request(char into[REQUEST_SPACE], const char *path, size_t body_length);

/* The number of a message that is as long as was posted and ends with its marker, -1 for another text. */
long body_number(const char *text, size_t length, size_t body_length);

/* That of a poll's answer; fails without one. */
long message_number(const struct answer *answer, size_t body_length);

/* What the info body of a publisher's answer says behind a label, 0 for a channel that is not there. Fails without the label. */
long info_number(const struct answer *answer, const char *label);

/* Fails unless a publish was accepted and answered with the channel's info. */
void expect_receipt(const struct answer *answer);

#endif
