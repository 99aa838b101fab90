/* Options that listeners and connects have in common: checking and translating. Any thread. */
#ifndef ICN_API_OPTIONS_H
#define ICN_API_OPTIONS_H

#include <stdbool.h>

#include "iocpnet.h"
#include "net/guard.h"
#include "os/socket.h"

bool icn_api_socket_options_are_valid(const iocpnet_socket_options *options);
bool icn_api_limits_are_valid(const iocpnet_session_limits *limits);

/* False: all are as the system has them. */
bool icn_api_socket_options(const iocpnet_socket_options *options, icn_os_socket_options *wanted);
void icn_api_guard_options(const iocpnet_socket_options *options, const iocpnet_session_limits *limits,
                           icn_guard_options *guard);

#endif
