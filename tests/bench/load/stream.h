/* Answers that go on: chunks with lines of text in them, until the server has sent enough and the next answer is asked for. What the lines
   say is not known here. */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include "client.h"
#include "websocket.h"

/* Where in an answer a client is. All zero before one. */
struct stream {
    enum { IN_HEAD, IN_SIZE, IN_CHUNK, BEHIND_CHUNK, BEHIND_ALL } place;
    size_t left; /* of the chunk, or its size as far as it has come */
};

/* Reads what has come, once, and hands over each whole line in order, without its end. False when the answer is over. Fails when the server
   has closed, or has sent an answer that is none of these, or a line longer than ANSWER_SPACE. */
bool read_lines(struct client *client, struct stream *stream, take_text *take, void *work, int index);

#endif
