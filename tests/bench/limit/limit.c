/* The bare send() loop: what one system call per delivery costs, and nothing else. It answers every GET and POST of the load generator,
   knows one channel, keeps the last messages, and trusts its client. It is the upper bound of a server that does not join writes. */
#include "../load/common.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPACE = 4096, AT_A_TIME = 512, LONGEST_BODY = SPACE - 512, SOCKETS = 1 << 20, KEPT = 64 };

struct ready {
    char text[SPACE];
    size_t length;
};

/* Some sockets, in any order. */
struct list {
    int *sockets;
    int *place; /* of a socket in it, -1 where it is not */
    int count;
};

struct room {
    int epoll;
    struct list polls; /* whose poll waits for a message */
    struct list websockets, event_streams; /* which get every message */
    unsigned long messages;
    struct ready kept[KEPT]; /* by the number of the message */
};

static void say(int socket, const char *text, size_t length)
{
    send(socket, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static struct list new_list(void)
{
    struct list list = {.sockets = allocate(SOCKETS, sizeof(int)), .place = allocate(SOCKETS, sizeof(int))};
    return list;
}

static void add(struct list *list, int socket)
{
    list->place[socket] = list->count;
    list->sockets[list->count++] = socket;
}

static void let_go(struct list *list, int socket)
{
    int place = list->place[socket];
    if (place < 0)
        return;
    int last = list->sockets[--list->count];
    list->sockets[place] = last;
    list->place[last] = place;
    list->place[socket] = -1;
}

static void say_to_all(const struct list *list, const char *text, size_t length)
{
    for (int i = 0; i < list->count; i++)
        say(list->sockets[i], text, length);
}

static int listening(const struct room *room)
{
    return room->polls.count + room->websockets.count + room->event_streams.count;
}

/* The frame of a message (RFC 6455 section 5.2). */
static void say_frame(const struct list *list, const char *body, size_t length)
{
    char text[SPACE];
    size_t head = 2;
    text[0] = (char)0x81;
    if (length < 126) {
        text[1] = (char)length;
    } else {
        text[1] = 126;
        text[2] = (char)(length >> 8);
        text[3] = (char)length;
        head = 4;
    }
    memcpy(text + head, body, length);
    say_to_all(list, text, head + length);
}

static void say_event(const struct list *list, unsigned long number, const char *body, size_t length)
{
    char text[SPACE];
    int size = snprintf(text, SPACE, "id: 1:%lu\ndata: %.*s\n\n", number, (int)length, body);
    say_to_all(list, text, (size_t)size);
}

static void say_info(const struct room *room, int socket, const char *status, int holding)
{
    char body[256], text[512];
    int length = snprintf(body, sizeof body,
                          "queued messages: %d\r\nlast requested: 0 sec. ago\r\nactive subscribers: %d\r\nlast message id: 1:%lu",
                          room->messages > 0, holding, room->messages);
    length = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", status, length, body);
    say(socket, text, (size_t)length);
}

static void take_post(struct room *room, int socket, const char *body, size_t length)
{
    int holding = listening(room);
    struct ready *message = &room->kept[++room->messages % KEPT];
    int head = snprintf(message->text, SPACE,
                        "HTTP/1.1 200 OK\r\nLast-Modified: Thu, 01 Jan 1970 00:00:01 GMT\r\nEtag: %lu\r\nContent-Type: text/plain\r\n"
                        "Content-Length: %zu\r\n\r\n", room->messages, length);
    memcpy(message->text + head, body, length);
    message->length = (size_t)head + length;
    say_to_all(&room->polls, message->text, message->length);
    while (room->polls.count > 0)
        let_go(&room->polls, room->polls.sockets[room->polls.count - 1]);
    if (room->websockets.count > 0)
        say_frame(&room->websockets, body, length);
    if (room->event_streams.count > 0)
        say_event(&room->event_streams, room->messages, body, length);
    say_info(room, socket, holding > 0 ? "201 Created" : "202 Accepted", holding);
}

static void take_poll(struct room *room, int socket, const char *request)
{
    static const char name[] = "If-None-Match: ";
    const char *tag = strstr(request, name);
    unsigned long known = tag == NULL ? room->messages : strtoul(tag + sizeof name - 1, NULL, 10);
    if (known != room->messages) {
        const struct ready *next = &room->kept[(known + 1) % KEPT];
        say(socket, next->text, next->length);
    } else {
        add(&room->polls, socket);
    }
}

/* The answer to the key that every WebSocket of the load generator has. */
static void take_websocket(struct room *room, int socket)
{
    static const char agreed[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    say(socket, agreed, sizeof agreed - 1);
    add(&room->websockets, socket);
}

static void take_event_stream(struct room *room, int socket)
{
    static const char agreed[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    say(socket, agreed, sizeof agreed - 1);
    add(&room->event_streams, socket);
}

static void take_request(struct room *room, int socket)
{
    char text[SPACE + 1];
    ssize_t length = recv(socket, text, SPACE, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0) {
        let_go(&room->polls, socket);
        let_go(&room->websockets, socket);
        let_go(&room->event_streams, socket);
        close(socket);
        return;
    }
    text[length] = '\0';
    const char *body = strstr(text, "\r\n\r\n");
    if (body == NULL)
        fail("a request did not come in one piece");
    body += 4;
    if (memcmp(text, "POST", 4) == 0)
        take_post(room, socket, body, (size_t)(text + length - body) < LONGEST_BODY ? (size_t)(text + length - body) : LONGEST_BODY);
    else if (memcmp(text, "GET /pub/", 9) == 0)
        say_info(room, socket, "200 OK", listening(room));
    else if (strstr(text, "Upgrade: websocket") != NULL)
        take_websocket(room, socket);
    else if (strstr(text, "Accept: text/event-stream") != NULL)
        take_event_stream(room, socket);
    else
        take_poll(room, socket, text);
}

static void take_clients(struct room *room, int listener)
{
    int socket;
    while ((socket = accept(listener, NULL, NULL)) >= 0) {
        without_delay(socket);
        room->polls.place[socket] = room->websockets.place[socket] = room->event_streams.place[socket] = -1;
        watch(room->epoll, socket, (unsigned)socket);
    }
}

int main(int count, char **words)
{
    if (count != 2)
        fail("usage: limit PORT");
    raise_descriptor_limit();
    static struct room room;
    room = (struct room){.epoll = new_epoll(), .polls = new_list(), .websockets = new_list(), .event_streams = new_list()};
    int listener = listen_on((int)whole("PORT", words[1], 1));
    watch(room.epoll, listener, (unsigned)listener);
    struct epoll_event events[AT_A_TIME];
    for (;;) {
        int ready = epoll_wait(room.epoll, events, AT_A_TIME, -1);
        for (int i = 0; i < ready; i++) {
            int socket = (int)events[i].data.u32;
            if (socket == listener)
                take_clients(&room, listener);
            else
                take_request(&room, socket);
        }
    }
}
