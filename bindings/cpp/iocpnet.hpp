// iocpnet for C++17 and later: owners, handlers and results over the C functions of iocpnet.h, and nothing else.
//
//     iocpnet::service service{{.dispatchers = 2}}; // C++20; in C++17: iocpnet::service_options().with_dispatchers(2)
//     service.on_received([](iocpnet::session session, iocpnet::bytes data) { session.send(data); });
//     auto listener = service.listen("[::]:7000").value();
//     service.start().value();
//
//   - `service` and `listener` own what they name and can only be moved; `session` is a plain value, a handle; a
//     `buffer` is shared by its copies.
//   - No function throws but value(), which throws iocpnet::error. Without exceptions (-fno-exceptions) value() of a
//     failure gives an empty object, on which every function fails with IOCPNET_E_INVALID_HANDLE. Nothing aborts.
//   - Handlers are stored once, when they are set; an event allocates nothing and costs no call besides the handler's.
//   - An exception of a handler ends there: the session is aborted, on_unhandled_exception is told, and the service
//     goes on. Without exceptions handlers run as noexcept.
//   - A handler may take the arguments that its function names, or `const iocpnet::event &` for everything.
//   - Each rule of iocpnet.h about threads, memory and order holds here too.
//
// SPDX-License-Identifier: MIT
#ifndef IOCPNET_HPP
#define IOCPNET_HPP

#include "iocpnet/buffer.hpp"
#include "iocpnet/conditioner.hpp"
#include "iocpnet/event.hpp"
#include "iocpnet/group.hpp"
#include "iocpnet/options.hpp"
#include "iocpnet/process.hpp"
#include "iocpnet/service.hpp"
#include "iocpnet/session.hpp"
#include "iocpnet/status.hpp"
#include "iocpnet/values.hpp"

#endif
