/*
 * A host that loads the library by hand and unloads it while its threads serve: unload_host LIBRARY PORT. The library stays
 * (its threads have nowhere else to run), goes on, and does not keep the process from its end. Exit code 0: so it was.
 */
#include <cstdio>
#include <cstdlib>

#include "iocpnet.h"
#include "support/api_socket.hpp"

#if defined(_WIN32)
#include <winsock2.h>
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace
{

using GetApi = int32_t(IOCPNET_CALL *)(uint32_t version, uint32_t size, iocpnet_api *table);

#if defined(_WIN32)

GetApi load(const char *path)
{
    const HMODULE library = LoadLibraryA(path);
    return library == nullptr
               ? nullptr
               : reinterpret_cast<GetApi>(reinterpret_cast<void *>(GetProcAddress(library, "iocpnet_get_api")));
}

void unload(const char *path)
{
    FreeLibrary(GetModuleHandleA(path));
}

bool is_loaded(const char *path)
{
    return GetModuleHandleA(path) != nullptr;
}

#else

void *library;

GetApi load(const char *path)
{
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    return library == nullptr ? nullptr : reinterpret_cast<GetApi>(dlsym(library, "iocpnet_get_api"));
}

void unload(const char *)
{
    dlclose(library);
}

bool is_loaded(const char *path)
{
    return dlopen(path, RTLD_NOW | RTLD_NOLOAD) != nullptr;
}

#endif

iocpnet_api api;

void IOCPNET_CALL echo(const iocpnet_event *event, void *)
{
    api.session_send(event->session, event->data, event->size);
}

void IOCPNET_CALL ignore_line(int32_t, const char *, const char *, void *)
{
}

/* Starts a service and returns the address of its listener; empty when something failed. */
std::string serve(uint32_t port)
{
    char address[64] = "";
    iocpnet_service service = 0;
    iocpnet_listener listener = 0;
    iocpnet_service_options options;
    api.service_options_init(&options, sizeof options);
    options.port = port;
    options.dispatcher_count = 2;
    api.set_log_callback(ignore_line, IOCPNET_LOG_DEBUG, nullptr); /* a thread more */
    const bool started = api.service_create(&options, &service) == IOCPNET_OK &&
                         api.service_set_callback(service, IOCPNET_EVENT_RECEIVED, echo, nullptr) == IOCPNET_OK &&
                         api.listener_open(service, "127.0.0.1:0", nullptr, &listener) == IOCPNET_OK &&
                         api.listener_address(listener, address, sizeof address) > 0 &&
                         api.service_start(service) == IOCPNET_OK;
    return started ? address : "";
}

} // namespace

int main(int count, char **arguments)
{
    const GetApi get_api = count == 3 ? load(arguments[1]) : nullptr;
    if (get_api == nullptr || get_api(IOCPNET_VERSION, sizeof api, &api) != IOCPNET_OK) {
        std::fprintf(stderr, "the library can not be loaded\n");
        return 1;
    }
    const std::string address = serve(static_cast<uint32_t>(std::atoi(arguments[2])));
    if (address.empty()) {
        std::fprintf(stderr, "the service does not start\n");
        return 2;
    }
    static api_test::Socket peer = api_test::Socket::connect(address);
    unload(arguments[1]);
    if (!is_loaded(arguments[1]) || !peer.send("still there") || peer.receive(11) != "still there") {
        std::fprintf(stderr, "the library is gone, or serves no longer\n");
        return 3;
    }
    return 0; /* without a destroy */
}
