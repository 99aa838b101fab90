#include "epoll_care.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CARE_CONNECTED = 1,
    CARE_DISCONNECTED = 2,
    RECORD_BYTES = 216 /* of a session of iocpnet */
};

typedef struct care_record {
    struct care_record *next;
    struct care_record *previous;
    uint64_t handle;
    int fd;
    struct sockaddr_in6 peer;
    void *user;
} care_record;

/* Generation and place: a handle is valid while its slot says the same. */
typedef struct care_slot {
    _Atomic uint64_t handle;
    void *_Atomic record;
} care_slot;

typedef struct care_event {
    uint32_t kind;
    int32_t status;
    uint64_t session;
    void *user;
    const void *data;
    uint64_t size;
    uint64_t reserved[8];
} care_event;

typedef void care_callback(const care_event *event, void *user);

struct epoll_care {
    care_slot slots[SERVER_DESCRIPTORS_MAX];
    uint32_t free_slots[SERVER_DESCRIPTORS_MAX]; /* first in, first out */
    uint32_t free_first;
    uint32_t free_count;
    pthread_mutex_t mutex; /* of the free slots: every thread may make sessions */
    care_record *by_descriptor[SERVER_DESCRIPTORS_MAX];
    care_record head;
    int closing[SERVER_DESCRIPTORS_MAX];
    uint32_t closing_count;
    _Atomic uint32_t live;
    _Atomic uint64_t accepted;
    _Atomic uint64_t disconnected;
    _Atomic uint64_t events;
    care_callback *volatile on[3]; /* by kind; the host's */
};

static void on_nothing(const care_event *event, void *user)
{
    (void)event;
    (void)user;
}

epoll_care *epoll_care_open(void)
{
    epoll_care *care = server_allocate(sizeof *care);

    memset(care, 0, sizeof *care);
    pthread_mutex_init(&care->mutex, NULL);
    care->head.next = &care->head;
    care->head.previous = &care->head;
    for (uint32_t index = 0; index < SERVER_DESCRIPTORS_MAX; ++index) {
        care->free_slots[index] = index;
    }
    care->free_count = SERVER_DESCRIPTORS_MAX;
    care->on[CARE_CONNECTED] = on_nothing;
    care->on[CARE_DISCONNECTED] = on_nothing;
    return care;
}

static void tell(epoll_care *care, const care_record *record, uint32_t kind)
{
    care_event event = {.kind = kind, .session = record->handle, .user = record->user};

    atomic_fetch_add_explicit(&care->events, 1, memory_order_relaxed);
    care->on[kind](&event, NULL);
}

static uint32_t take_slot(epoll_care *care)
{
    pthread_mutex_lock(&care->mutex);
    const uint32_t index = care->free_slots[care->free_first];
    care->free_first = (care->free_first + 1) % SERVER_DESCRIPTORS_MAX;
    --care->free_count;
    pthread_mutex_unlock(&care->mutex);
    return index;
}

static void give_slot_back(epoll_care *care, uint32_t index)
{
    pthread_mutex_lock(&care->mutex);
    care->free_slots[(care->free_first + care->free_count) % SERVER_DESCRIPTORS_MAX] = index;
    ++care->free_count;
    pthread_mutex_unlock(&care->mutex);
}

bool epoll_care_begin(epoll_care *care, int fd, const struct sockaddr_storage *peer)
{
    if (atomic_fetch_add(&care->live, 1) >= SERVER_DESCRIPTORS_MAX) {
        atomic_fetch_sub(&care->live, 1);
        return false;
    }
    care_record *record = server_allocate(RECORD_BYTES);
    const uint32_t index = take_slot(care);
    care_slot *slot = &care->slots[index];

    memset(record, 0, RECORD_BYTES);
    memcpy(&record->peer, peer, sizeof record->peer);
    record->fd = fd;
    record->handle = (atomic_load(&slot->handle) >> 32 << 32) + (UINT64_C(1) << 32) + index;
    record->next = &care->head;
    record->previous = care->head.previous;
    record->previous->next = record;
    care->head.previous = record;
    care->by_descriptor[fd] = record;
    atomic_store(&slot->record, record);
    atomic_store(&slot->handle, record->handle);
    atomic_fetch_add(&care->accepted, 1);
    tell(care, record, CARE_CONNECTED);
    return true;
}

void epoll_care_end(epoll_care *care, int fd)
{
    care_record *record = care->by_descriptor[fd];
    const uint32_t index = (uint32_t)record->handle;

    tell(care, record, CARE_DISCONNECTED);
    atomic_store(&care->slots[index].handle, record->handle + (UINT64_C(1) << 32));
    atomic_store(&care->slots[index].record, NULL);
    give_slot_back(care, index);
    record->previous->next = record->next;
    record->next->previous = record->previous;
    care->by_descriptor[fd] = NULL;
    care->closing[care->closing_count++] = fd;
    free(record);
    atomic_fetch_sub(&care->live, 1);
    atomic_fetch_add(&care->disconnected, 1);
}

void epoll_care_turn_ends(epoll_care *care)
{
    for (uint32_t index = 0; index < care->closing_count; ++index) {
        close(care->closing[index]);
    }
    care->closing_count = 0;
}
