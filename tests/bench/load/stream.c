#include "stream.h"

#include "common.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { AT_A_TIME = 1 << 17, LONGEST_CHUNK = 1 << 30 };

/* Keeps the beginning of a head, or of a line, for the next reading. */
static void keep(struct client *client, const char *from, size_t length)
{
    if (length > ANSWER_SPACE)
        fail("a streamed line of %zu bytes is too long", length);
    client->filled = length;
    if (length > 0) {
        if (client->part == NULL)
            client->part = allocate(1, ANSWER_SPACE + 1);
        memcpy(client->part, from, length);
    }
}

/* The length of a whole head, 0 when more has to come. */
static size_t whole_head(const char *bytes, size_t length)
{
    static const char agreed[] = "HTTP/1.1 200 ", chunked[] = "\r\nTransfer-Encoding: chunked\r\n";
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end - bytes) + 4;
    if (memcmp(bytes, agreed, sizeof agreed - 1) != 0)
        fail("a stream is answered: %.*s", (int)strcspn(bytes, "\r"), bytes);
    if (memmem(bytes, head, chunked, sizeof chunked - 1) == NULL)
        fail("a stream is not answered in chunks");
    return head;
}

static int hexadecimal(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static void take_size(struct stream *stream, char next)
{
    int digit = hexadecimal(next);
    if (digit >= 0 && stream->left < LONGEST_CHUNK)
        stream->left = stream->left * 16 + (size_t)digit;
    else if (next == '\n')
        stream->place = stream->left == 0 ? BEHIND_ALL : IN_CHUNK;
    else if (next != '\r')
        fail("a chunk has no size");
}

/* Moves what chunks carry together behind text, up to the end of the answer. Returns how many bytes were read of those from raw on. */
static size_t take_chunks(struct stream *stream, char *text, size_t *text_length, const char *raw, size_t raw_length, bool *over)
{
    size_t at = 0, part;
    while (at < raw_length && !*over) {
        switch (stream->place) {
        case IN_CHUNK:
            part = stream->left < raw_length - at ? stream->left : raw_length - at;
            memmove(text + *text_length, raw + at, part);
            *text_length += part;
            stream->left -= part;
            at += part;
            if (stream->left == 0)
                stream->place = BEHIND_CHUNK;
            break;
        case BEHIND_CHUNK:
            if (raw[at++] == '\n')
                stream->place = IN_SIZE;
            break;
        case BEHIND_ALL:
            *over = raw[at++] == '\n';
            break;
        default:
            take_size(stream, raw[at++]);
        }
    }
    return at;
}

bool read_lines(struct client *client, struct stream *stream, take_text *take, void *work, int index)
{
    /* Shared by all clients: what stays from one reading to the next is at most the beginning of one line. */
    static char shared[AT_A_TIME + ANSWER_SPACE];
    size_t length = client->filled, raw = length, text = length, from = 0;
    bool over = false;
    if (length > 0)
        memcpy(shared, client->part, length);
    ssize_t count = recv(client->socket, shared + length, AT_A_TIME, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (count < 0)
        fail("the server has broken a connection: %s", strerror(errno));
    if (count == 0)
        fail("the server has closed a connection");
    length += (size_t)count;
    if (stream->place == IN_HEAD) {
        raw = whole_head(shared, length);
        if (raw == 0) {
            keep(client, shared, length);
            return true;
        }
        text = 0;
        *stream = (struct stream){.place = IN_SIZE};
    }
    raw += take_chunks(stream, shared, &text, shared + raw, length - raw, &over);
    for (const char *end; (end = memchr(shared + from, '\n', text - from)) != NULL; from = (size_t)(end - shared) + 1)
        take(work, index, shared + from, (size_t)(end - shared) - from);
    keep(client, shared + from, text - from);
    if (over && (client->filled > 0 || raw < length))
        fail("a streamed answer ends within a line, or has something behind it");
    if (over)
        stream->place = IN_HEAD;
    return !over;
}
