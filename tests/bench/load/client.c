#include "client.h"

#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { A_WHILE_US = 200 };

void dial(struct client *client, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
    client->filled = 0;
    client->part = NULL;
    client->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (client->socket < 0)
        fail("no socket: %s", strerror(errno));
    setsockopt(client->socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(client->socket, (struct sockaddr *)&address, sizeof address) < 0)
        fail("no connection: %s", strerror(errno));
    without_delay(client->socket);
    fcntl(client->socket, F_SETFL, O_NONBLOCK);
}

void hang_up(struct client *client)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(client->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(client->socket);
    free(client->part);
}

void send_request(struct client *client, const char *request, size_t length)
{
    ssize_t sent = send(client->socket, request, length, MSG_NOSIGNAL);
    if (sent < 0)
        fail("the server has closed a connection: %s", strerror(errno));
    if ((size_t)sent != length)
        fail("the server does not read its requests");
}

/* The length of a whole chunked body with its framing, 0 when more has to come. Where into is not NULL, what the chunks carry is moved
   together there, and its length is told. */
static size_t dechunk(const char *body, size_t length, char *into, size_t *carried)
{
    size_t at = 0, size;
    do {
        const char *line = memmem(body + at, length - at, "\r\n", 2);
        if (line == NULL)
            return 0;
        size = strtoul(body + at, NULL, 16);
        at = (size_t)(line - body) + 2;
        if (size > ANSWER_SPACE)
            fail("a chunk of %zu bytes is too long", size);
        if (length - at < size + 2)
            return 0;
        if (into != NULL) {
            memmove(into + *carried, body + at, size);
            *carried += size;
        }
        at += size + 2;
    } while (size > 0);
    return at;
}

/* Whether the body of an answer is chunked. */
static bool is_chunked(const struct answer *answer)
{
    size_t length;
    const char *coding = header(answer, "transfer-encoding", &length);
    return coding != NULL && length == 7 && strncasecmp(coding, "chunked", 7) == 0;
}

/* The length of the whole answer, 0 when more has to come. */
static size_t parse(char *bytes, size_t length, struct answer *answer)
{
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (end == NULL) {
        if (length == ANSWER_SPACE)
            fail("an answer has a head of more than %d bytes", ANSWER_SPACE);
        return 0;
    }
    answer->head = bytes;
    answer->head_length = (size_t)(end - bytes) + 2;
    answer->body = end + 4;
    answer->status = 0;
    if (length > 12 && memcmp(bytes, "HTTP/1.", 7) == 0 && bytes[8] == ' ')
        answer->status = (int)read_digits(bytes + 9, 3);
    if (answer->status < 100)
        fail("an answer is not HTTP: %.*s", (int)(length < 40 ? length : 40), bytes);
    size_t digits;
    const char *text = header(answer, "content-length", &digits);
    if (text == NULL && answer->status == 204) {
        answer->body_length = 0;
        return (size_t)(answer->body - bytes);
    }
    if (text == NULL && is_chunked(answer)) {
        char *body = bytes + (answer->body - bytes);
        size_t there = length - (size_t)(answer->body - bytes), whole = dechunk(body, there, NULL, NULL);
        answer->body_length = 0;
        if (whole > 0)
            dechunk(body, there, body, &answer->body_length);
        return whole > 0 ? whole + (size_t)(answer->body - bytes) : 0;
    }
    if (text == NULL)
        fail("an answer %d has no Content-Length", answer->status);
    answer->body_length = strtoul(text, NULL, 10);
    size_t whole_length = (size_t)(answer->body - bytes) + answer->body_length;
    if (whole_length > ANSWER_SPACE)
        fail("an answer of %zu bytes is too long", whole_length);
    return whole_length <= length ? whole_length : 0;
}

const char *header(const struct answer *answer, const char *name, size_t *length)
{
    size_t name_length = strlen(name);
    const char *line = answer->head, *stop = answer->head + answer->head_length;
    while ((line = memchr(line, '\n', (size_t)(stop - line))) != NULL && ++line + name_length < stop) {
        /* The colon first: it rules most lines out without comparing letters. */
        if (line[name_length] != ':' || strncasecmp(line, name, name_length) != 0)
            continue;
        const char *value = line + name_length + 1, *end = memchr(value, '\r', (size_t)(stop - value));
        while (*value == ' ')
            value++;
        *length = (size_t)(end - value);
        return value;
    }
    return NULL;
}

bool receive(struct client *client, struct answer *answer)
{
    /* Shared by all clients, as nearly every answer comes in one piece: ten thousand buffers would not stay in the cache. */
    static char shared[ANSWER_SPACE + 1];
    char *buffer = client->filled > 0 ? client->part : shared;
    ssize_t count = recv(client->socket, buffer + client->filled, ANSWER_SPACE - client->filled, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (count < 0)
        fail("the server has broken a connection: %s", strerror(errno));
    if (count == 0)
        fail("the server has closed a connection");
    size_t length = client->filled + (size_t)count, used = parse(buffer, length, answer);
    if (used == 0) {
        if (buffer == shared) {
            if (client->part == NULL)
                client->part = allocate(1, ANSWER_SPACE + 1);
            memcpy(client->part, shared, length);
        }
        client->filled = length;
        return false;
    }
    if (used != length)
        fail("the server has said more than one answer to a request");
    client->filled = 0;
    /* Chunks leave some of what they came in behind them. */
    buffer[(size_t)(answer->body - buffer) + answer->body_length] = '\0';
    return true;
}

void ask(struct client *client, const char *request, size_t length, struct answer *answer)
{
    send_request(client, request, length);
    await(client, answer);
}

void await(struct client *client, struct answer *answer)
{
    do {
        struct pollfd readable = {.fd = client->socket, .events = POLLIN};
        if (poll(&readable, 1, PATIENCE_MS) == 0)
            fail("no answer within %d s", PATIENCE_MS / 1000);
    } while (!receive(client, answer));
}

void begin_answer(struct client *client, const char *request, size_t length, const char *agreed)
{
    char text[REQUEST_SPACE];
    send_request(client, request, length);
    double patience = seconds() + PATIENCE_MS / 1e3;
    for (;;) {
        struct pollfd readable = {.fd = client->socket, .events = POLLIN};
        if (poll(&readable, 1, PATIENCE_MS) == 0)
            fail("no answer within %d s", PATIENCE_MS / 1000);
        /* Only looked at first: what stands behind the head is for others. */
        ssize_t there = recv(client->socket, text, sizeof text - 1, MSG_PEEK);
        if (there < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (there <= 0)
            fail("the server has closed a connection in place of an answer");
        const char *end = memmem(text, (size_t)there, "\r\n\r\n", 4);
        if (end == NULL) {
            if (there == (ssize_t)sizeof text - 1 || seconds() > patience)
                fail("a request is answered with %zd bytes that are no head", there);
            usleep(A_WHILE_US);
            continue;
        }
        text[there] = '\0';
        if (strncmp(text, agreed, strlen(agreed)) != 0)
            fail("a request is answered: %.*s", (int)strcspn(text, "\r"), text);
        if (recv(client->socket, text, (size_t)(end + 4 - text), 0) < 0)
            fail("the server has broken a connection: %s", strerror(errno));
        return;
    }
}

size_t get_request(char into[REQUEST_SPACE], const char *location, const char *channel)
{
    int length = snprintf(into, REQUEST_SPACE, "GET %s%s HTTP/1.1\r\nHost: 127.0.0.1\r\n", location, channel);
    if (length > REQUEST_SPACE / 2)
        fail("a path of %d bytes is too long", length);
    return (size_t)length;
}

size_t post_request(char into[REQUEST_SPACE], const char *path, size_t body_length)
{
    int head = snprintf(into, REQUEST_SPACE,
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
                        path, body_length);
    if (body_length <= NUMBER_DIGITS || (size_t)head + body_length > REQUEST_SPACE)
        fail("a body of %zu bytes does not fit", body_length);
    memset(into + head, 'x', body_length - 1);
    write_digits(into + head, NUMBER_DIGITS, 0);
    into[(size_t)head + body_length - 1] = MARKER;
    return (size_t)head + body_length;
}

long body_number(const char *text, size_t length, size_t body_length)
{
    return length == body_length && text[length - 1] == MARKER ? read_digits(text, NUMBER_DIGITS) : -1;
}

long message_number(const struct answer *answer, size_t body_length)
{
    if (answer->status != 200)
        fail("a poll was answered %d", answer->status);
    long number = body_number(answer->body, answer->body_length, body_length);
    if (number < 0)
        fail("a poll was answered with another body than was published");
    return number;
}

long info_number(const struct answer *answer, const char *label)
{
    if (answer->status == 404)
        return 0;
    const char *found = strstr(answer->body, label);
    if (found == NULL)
        fail("an info body has no %s", label);
    return atol(found + strlen(label));
}

void expect_receipt(const struct answer *answer)
{
    static const char start[] = "queued messages: ";
    if (answer->status != 201 && answer->status != 202)
        fail("a publish was answered %d", answer->status);
    if (answer->body_length < sizeof start || memcmp(answer->body, start, sizeof start - 1) != 0)
        fail("a publish was answered without the channel's info");
}
