#include "websocket.h"

#include "common.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { TEXT = 0x1, CLOSE = 0x8, PING = 0x9, PONG = 0xA, FINAL = 0x80, MASKED = 0x80, SHORT = 125, TWO_BYTES = 126 };
enum { HEAD = 2, LONGER_HEAD = 4, KEY = 4 };
enum { AT_A_TIME = 1 << 17 };

/* Any key will do: masks guard proxies against scripts, and there are none of either. */
static const unsigned char key[KEY] = {0x9d, 0x27, 0x41, 0xe6};

static void send_frame(struct client *client, int opcode, const char *text, size_t length)
{
    char frame[LONGER_HEAD + KEY + TEXT_SPACE];
    size_t head = HEAD;
    if (length > TEXT_SPACE)
        fail("a text of %zu bytes is too long", length);
    frame[0] = (char)(FINAL | opcode);
    if (length <= SHORT) {
        frame[1] = (char)(MASKED | (int)length);
    } else {
        frame[1] = (char)(MASKED | TWO_BYTES);
        frame[2] = (char)(length >> 8);
        frame[3] = (char)length;
        head = LONGER_HEAD;
    }
    memcpy(frame + head, key, KEY);
    for (size_t i = 0; i < length; i++)
        frame[head + KEY + i] = (char)(text[i] ^ key[i % KEY]);
    send_request(client, frame, head + KEY + length);
}

void send_text(struct client *client, const char *text, size_t length)
{
    send_frame(client, TEXT, text, length);
}

void upgrade(struct client *client, const char *path)
{
    char text[REQUEST_SPACE];
    int length = snprintf(text, sizeof text,
                          "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", path);
    if (length >= (int)sizeof text)
        fail("a path of %zu bytes is too long", strlen(path));
    begin_answer(client, text, (size_t)length, "HTTP/1.1 101 ");
}

/* The length of the whole frame at the start of some bytes, 0 when more has to come. */
static size_t whole_frame(const unsigned char *bytes, size_t length, const char **text, size_t *text_length)
{
    size_t head = HEAD;
    if (length < HEAD)
        return 0;
    *text_length = bytes[1] & 0x7f;
    if (bytes[1] & MASKED || !(bytes[0] & FINAL) || bytes[0] & 0x70)
        fail("a frame of the server is masked, fragmented or extended");
    if (*text_length > SHORT) {
        head = LONGER_HEAD;
        if (length < head)
            return 0;
        if (*text_length > TWO_BYTES)
            fail("a message is longer than any that was sent");
        *text_length = (size_t)(bytes[2] << 8 | bytes[3]);
    }
    if (head + *text_length > ANSWER_SPACE)
        fail("a message of %zu bytes is too long", *text_length);
    *text = (const char *)bytes + head;
    return head + *text_length <= length ? head + *text_length : 0;
}

static void take_frame(struct client *client, int opcode, const char *text, size_t length, take_text *take, void *work, int index)
{
    switch (opcode) {
    case TEXT:
        take(work, index, text, length);
        break;
    case PING:
        send_frame(client, PONG, text, length);
        break;
    case PONG:
        break;
    case CLOSE:
        fail("the server has closed a WebSocket with code %d", length < 2 ? 1005 : (unsigned char)text[0] << 8 | (unsigned char)text[1]);
    default:
        fail("the server has sent a frame with opcode %d", opcode);
    }
}

void read_texts(struct client *client, take_text *take, void *work, int index)
{
    /* Shared by all clients: what stays from one reading to the next is at most the beginning of one frame. */
    static char shared[AT_A_TIME];
    size_t length = client->filled, used = 0, whole, text_length;
    const char *text;
    if (length > 0)
        memcpy(shared, client->part, length);
    ssize_t count = recv(client->socket, shared + length, sizeof shared - length, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count < 0)
        fail("the server has broken a connection: %s", strerror(errno));
    if (count == 0)
        fail("the server has closed a connection");
    length += (size_t)count;
    while ((whole = whole_frame((unsigned char *)shared + used, length - used, &text, &text_length)) > 0) {
        take_frame(client, shared[used] & 0x0f, text, text_length, take, work, index);
        used += whole;
    }
    client->filled = length - used;
    if (client->filled > 0) {
        if (client->part == NULL)
            client->part = allocate(1, ANSWER_SPACE + 1);
        memcpy(client->part, shared + used, client->filled);
    }
}
