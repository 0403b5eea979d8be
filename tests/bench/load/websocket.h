/* WebSockets as a client has them (RFC 6455): frames of its own masked, those of the server whole messages of text. What the text says
   is not known here. */
#ifndef BENCH_WEBSOCKET_H
#define BENCH_WEBSOCKET_H

#include "client.h"

enum { TEXT_SPACE = 4096 };

/* One message has come. It lives until the function returns. */
typedef void take_text(void *work, int index, const char *text, size_t length);

/* Turns a connection into a WebSocket, and waits until the server has agreed. Frames that follow its answer are left to read_texts. */
void upgrade(struct client *client, const char *path);

/* Sends a message of at most TEXT_SPACE bytes in one frame. */
void send_text(struct client *client, const char *text, size_t length);

/* Reads what has come, once, and hands over each whole message in order. Pings are answered. Fails when the server has closed, has sent
   a frame that is no part of such a conversation, or a message longer than ANSWER_SPACE. */
void read_texts(struct client *client, take_text *take, void *work, int index);

#endif
