/*
 * What a session service does for each connection beside moving its bytes, as short as it can be written for one loop:
 * server_epoll with --careful 2. A record of its own, in a list; a handle that is never valid again; a limit and counters
 * that other threads may read; the host is told of its beginning and its end; descriptors are closed at the end of a turn,
 * when nothing of the turn can mean them any more.
 */
#ifndef BENCH_SERVERS_EPOLL_CARE_H
#define BENCH_SERVERS_EPOLL_CARE_H

#include <sys/socket.h>

#include "server_epoll.h"

typedef struct epoll_care epoll_care;

epoll_care *epoll_care_open(void);

/* False: there are as many as the limit says. */
bool epoll_care_begin(epoll_care *care, int fd, const struct sockaddr_storage *peer);

/* Takes the descriptor: it is closed at the end of the turn. */
void epoll_care_end(epoll_care *care, int fd);

void epoll_care_turn_ends(epoll_care *care);

#endif
