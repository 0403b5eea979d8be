#include "sessions.h"

#include "common.h"
#include "websocket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { AT_A_TIME = 512, SUBSCRIPTION = 1 };

static const struct dialect *const dialects[] = {&socketio_0_9, &socketio_4, &sockjs};
static const char *const carriers[] = {[WEBSOCKET] = "websocket", [POLLING] = "polling", [STREAMING] = "streaming"};

/* The path of what carries the sessions of a dialect, NULL where it has none. */
static const char *carrier_path(const struct dialect *dialect, enum carrier carrier)
{
    return carrier == WEBSOCKET ? dialect->websocket : carrier == POLLING ? dialect->polling : dialect->streaming;
}

void sessions_open(struct sessions *sessions, struct places at, int count, const char *carrier, const char *dialect)
{
    *sessions = (struct sessions){.at = at, .count = count, .epoll = new_epoll()};
    sessions->all = allocate((size_t)count, sizeof *sessions->all);
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        if (strcmp(dialects[i]->name, dialect) == 0)
            sessions->dialect = dialects[i];
    while (sessions->carrier <= STREAMING && strcmp(carriers[sessions->carrier], carrier) != 0)
        sessions->carrier++;
    if (sessions->dialect == NULL || sessions->carrier > STREAMING || carrier_path(sessions->dialect, sessions->carrier) == NULL)
        fail("no sessions of %s over %s are known", dialect, carrier);
    for (int i = 0; i < SPEAKERS; i++)
        dial(&sessions->speakers[i], at.subscriber_port);
}

/* A path of the dialect with the id of a session in it. */
static void own_path(const struct sessions *sessions, const char *path, int index, char into[REQUEST_SPACE])
{
    const char *gap = strstr(path, "%s");
    if (gap == NULL)
        snprintf(into, REQUEST_SPACE, "%s", path);
    else
        snprintf(into, REQUEST_SPACE, "%.*s%s%s", (int)(gap - path), path, sessions->all[index].id, gap + 2);
}

static size_t whole_get(char into[REQUEST_SPACE], const char *path)
{
    size_t length = get_request(into, path, "");
    memcpy(into + length, "\r\n", 2);
    return length + 2;
}

/* Asks for what comes next. */
static void poll_or_stream(struct sessions *sessions, int index)
{
    char path[REQUEST_SPACE], request[REQUEST_SPACE * 2];
    own_path(sessions, carrier_path(sessions->dialect, sessions->carrier), index, path);
    size_t length = sessions->dialect->posts
                        ? (size_t)snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", path)
                        : whole_get(request, path);
    send_request(&sessions->all[index].client, request, length);
}

/* Sends what a session says, over a connection that is not its own unless it is a WebSocket. */
static void begin_to_say(struct sessions *sessions, struct client *speaker, int index, const char *packet, size_t length)
{
    if (sessions->carrier == WEBSOCKET) {
        send_text(&sessions->all[index].client, packet, length);
        return;
    }
    char path[REQUEST_SPACE], request[REQUEST_SPACE * 2];
    own_path(sessions, sessions->dialect->saying != NULL ? sessions->dialect->saying : sessions->dialect->polling, index, path);
    int whole_length = snprintf(request, sizeof request,
                                "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain;charset=UTF-8\r\n"
                                "Content-Length: %zu\r\n\r\n%.*s", path, length, (int)length, packet);
    if (whole_length >= (int)sizeof request)
        fail("a packet of %zu bytes is too long", length);
    send_request(speaker, request, (size_t)whole_length);
}

/* Waits until the server has what was sent. */
static void have_said(const struct sessions *sessions, struct client *speaker)
{
    struct answer answer;
    if (sessions->carrier == WEBSOCKET)
        return;
    await(speaker, &answer);
    if (answer.status != 200 && answer.status != 204)
        fail("what a session said is answered %d", answer.status);
}

void sessions_say(struct sessions *sessions, int index, const char *packet, size_t length)
{
    begin_to_say(sessions, &sessions->speakers[0], index, packet, length);
    have_said(sessions, &sessions->speakers[0]);
}

static void note_id(struct session *session, const struct word *word)
{
    if (word->id_length == 0 || word->id_length >= SESSION_ID_SPACE)
        fail("a session has an id of %zu bytes", word->id_length);
    memcpy(session->id, word->id, word->id_length);
    session->id[word->id_length] = '\0';
    session->opened = true;
}

static void take_packet(void *work, int index, const char *packet, size_t length)
{
    struct sessions *sessions = work;
    struct session *session = &sessions->all[index];
    struct word word;
    sessions->dialect->understand(packet, length, &word);
    switch (word.meaning) {
    case NOTHING:
        break;
    case OPENED:
        note_id(session, &word);
        break;
    case CONNECTED:
        session->connected = true;
        break;
    case HEARTBEAT:
        sessions_say(sessions, index, sessions->dialect->alive, strlen(sessions->dialect->alive));
        break;
    case ACKNOWLEDGED:
        session->acknowledged = word.number;
        if (sessions->take != NULL)
            sessions->take(sessions->work, index, &word, packet, length);
        break;
    case EVENT:
        if (sessions->take == NULL)
            fail("a message has come before one was published");
        sessions->take(sessions->work, index, &word, packet, length);
    }
}

static void take_payload(void *work, int index, const char *payload, size_t left)
{
    struct sessions *sessions = work;
    const char *packet;
    size_t length;
    while (sessions->dialect->next_packet(&payload, &left, &packet, &length))
        take_packet(sessions, index, packet, length);
}

void sessions_read(struct sessions *sessions, int index)
{
    struct session *session = &sessions->all[index];
    struct answer answer;
    if (sessions->carrier == WEBSOCKET) {
        read_texts(&session->client, sessions->dialect->frames_payloads ? take_payload : take_packet, sessions, index);
    } else if (sessions->carrier == STREAMING) {
        if (!read_lines(&session->client, &session->stream, take_payload, sessions, index))
            poll_or_stream(sessions, index);
    } else if (receive(&session->client, &answer)) {
        char kept[ANSWER_SPACE];
        if (answer.status != 200)
            fail("a poll of a session is answered %d", answer.status);
        /* What packets make it say is answered into the buffer that the payload is in. */
        memcpy(kept, answer.body, answer.body_length);
        take_payload(sessions, index, kept, answer.body_length);
        poll_or_stream(sessions, index);
    }
}

static void read_any(struct sessions *sessions, const char *awaited)
{
    struct epoll_event events[AT_A_TIME];
    int ready = epoll_wait(sessions->epoll, events, AT_A_TIME, PATIENCE_MS);
    if (ready == 0)
        fail("a session was not %s within %d s", awaited, PATIENCE_MS / 1000);
    for (int i = 0; i < ready; i++)
        sessions_read(sessions, (int)events[i].data.u32);
}

static void shake_hands(struct sessions *sessions, int index, const char *path)
{
    char request[REQUEST_SPACE];
    struct answer answer;
    struct word word;
    ask(&sessions->all[index].client, request, whole_get(request, path), &answer);
    if (answer.status != 200)
        fail("a handshake is answered %d", answer.status);
    sessions->dialect->read_handshake(answer.body, answer.body_length, &word);
    note_id(&sessions->all[index], &word);
}

/* Lets a session begin. */
static void open_session(struct sessions *sessions, int index)
{
    const struct dialect *dialect = sessions->dialect;
    struct session *session = &sessions->all[index];
    char path[REQUEST_SPACE];
    const char *first = sessions->carrier == POLLING ? dialect->polling_handshake : dialect->websocket_handshake;
    *session = (struct session){.opened = false};
    dial(&session->client, sessions->at.subscriber_port);
    if (first != NULL)
        shake_hands(sessions, index, first);
    if (dialect->names_itself) {
        /* Sessions of an earlier run may still be there. */
        snprintf(session->id, sizeof session->id, "%x-%x", (unsigned)getpid(), sessions->named++);
        session->opened = true;
    }
    if (sessions->carrier == WEBSOCKET) {
        own_path(sessions, dialect->websocket, index, path);
        upgrade(&session->client, path);
    } else {
        poll_or_stream(sessions, index);
    }
    watch(sessions->epoll, session->client.socket, (unsigned)index);
    while (!session->opened)
        read_any(sessions, "opened");
    if (dialect->hello != NULL)
        sessions_say(sessions, index, dialect->hello, strlen(dialect->hello));
    while (!session->connected)
        read_any(sessions, "connected");
}

/* Lets at most SPEAKERS sessions subscribe together. */
static void subscribe(struct sessions *sessions, int from, int to, const char *channel)
{
    char text[TEXT_SPACE];
    size_t length = sessions->dialect->event(text, sizeof text, SUBSCRIPTION, "subscribe", channel);
    for (int i = from; i < to; i++)
        begin_to_say(sessions, &sessions->speakers[i - from], i, text, length);
    for (int i = from; i < to; i++)
        have_said(sessions, &sessions->speakers[i - from]);
    for (int i = from; i < to; i++)
        while (sessions->all[i].acknowledged != SUBSCRIPTION)
            read_any(sessions, "subscribed");
}

void sessions_join_all(struct sessions *sessions, int from, int to, const char *channel)
{
    for (int i = from; i < to; i++)
        open_session(sessions, i);
    for (int i = from; channel != NULL && i < to; i += SPEAKERS)
        subscribe(sessions, i, i + SPEAKERS < to ? i + SPEAKERS : to, channel);
}

void sessions_join(struct sessions *sessions, int index, const char *channel)
{
    sessions_join_all(sessions, index, index + 1, channel);
}

void sessions_drop(struct sessions *sessions, int index)
{
    hang_up(&sessions->all[index].client);
}

void sessions_close(struct sessions *sessions)
{
    for (int i = 0; i < sessions->count; i++)
        sessions_drop(sessions, i);
    for (int i = 0; i < SPEAKERS; i++)
        hang_up(&sessions->speakers[i]);
    free(sessions->all);
    close(sessions->epoll);
}

long packet_number(const char *packet, size_t length, size_t body_length)
{
    /* Behind the marker is the end of the string: a quote, or in a string within a string a backslash before it. */
    const char *last = memrchr(packet, MARKER, length), *stop = packet + length;
    bool ends = last != NULL && stop - last > 1 && (last[1] == '"' || (last[1] == '\\' && stop - last > 2 && last[2] == '"'));
    if (!ends || (size_t)(last - packet) < body_length || last[-(long)body_length] != '"')
        fail("a packet has another body than was published: %.*s", (int)length, packet);
    long number = read_digits(last - body_length + 1, NUMBER_DIGITS);
    if (number < 0)
        fail("a packet has a body without a number: %.*s", (int)length, packet);
    return number;
}
