#include "net/schedule.h"

#include <stddef.h>

#include "base/check.h"
#include "net/session.h"
#include "os/clock.h"
#include "util/memory.h"

#define NEVER UINT64_MAX

/* A timer of the host. Under the mutex. */
typedef struct icn_alarm {
    icn_timer timer; /* in the wheel, or in the list of those that are due */
    icn_list_node node;
    icn_session *session; /* whose list it is in, or the schedule's nobody */
    uint64_t id;
    uint32_t period_ms;
    bool due;
} icn_alarm;

struct icn_job {
    icn_job *next;
    icn_session *session; /* or the schedule's nobody */
    iocpnet_callback function;
    void *argument;
};

typedef struct icn_schedule {
    icn_loop *loop;
    icn_kick kick;
    icn_timer wake; /* owner: in the wheel of the loop, while a timer of the host is set */
    icn_mutex mutex;

    /* Under the mutex. */
    icn_timers timers;
    icn_list due;      /* alarms, the earliest first */
    uint64_t wakes_at; /* when `wake` fires; NEVER: it is not set */
    icn_job *first_job;
    icn_job **last_job;
    uint32_t job_count;
    bool stopped;         /* nothing more for the loop itself */
    icn_extension alarms; /* of the loop itself */

    icn_session nobody; /* what events are told of that are no session's: its handle is 0. Constant */
} icn_schedule;

/* In place of the schedule of a loop that stopped without one. Never written to. */
static char stopped_without;

static void alarm_is_due(icn_timers *timers, icn_timer *timer);

/* ---- making ---- */

static icn_schedule *create(icn_loop *loop)
{
    icn_schedule *schedule = icn_memory_allocate_zeroed(sizeof *schedule, ICN_MEMORY_SCHEDULE);
    if (schedule == NULL) {
        return NULL;
    }
    schedule->loop = loop;
    icn_kick_init(&schedule->kick, ICN_KICK_SCHEDULE);
    icn_timer_init(&schedule->wake);
    icn_mutex_init(&schedule->mutex);
    icn_timers_init(&schedule->timers, icn_os_clock_ms(), alarm_is_due);
    icn_list_init(&schedule->due);
    icn_list_init(&schedule->alarms.alarms);
    schedule->wakes_at = NEVER;
    schedule->last_job = &schedule->first_job;
    schedule->nobody.loop = loop;
    return schedule;
}

static void destroy(icn_schedule *schedule)
{
    icn_mutex_fini(&schedule->mutex);
    icn_memory_release(schedule, sizeof *schedule, ICN_MEMORY_SCHEDULE);
}

/* NULL: there is none. */
static icn_schedule *schedule_now(const icn_loop *loop)
{
    void *found = icn_pointer_load(&loop->schedule);
    return found != &stopped_without ? found : NULL;
}

/* IOCPNET_OK, IOCPNET_E_NO_MEMORY or IOCPNET_E_CLOSED. Any thread. */
static int32_t make(icn_loop *loop, icn_schedule **schedule)
{
    void *found = icn_pointer_load(&loop->schedule);
    if (found == NULL) {
        icn_schedule *created = create(loop);
        if (created == NULL) {
            return IOCPNET_E_NO_MEMORY;
        }
        while (found == NULL && !icn_pointer_replace(&loop->schedule, &found, created)) {
        }
        if (found != NULL) {
            /* Another thread was faster, or the loop has stopped. */
            destroy(created);
        } else {
            found = created;
        }
    }
    /* A session's extension is looked at behind this, and an owner ends that before it looks for a schedule. */
    icn_fence();
    *schedule = found;
    return found != &stopped_without ? IOCPNET_OK : IOCPNET_E_CLOSED;
}

static void kick(icn_schedule *schedule)
{
    if (icn_kick_claim(&schedule->kick)) {
        icn_kick_push(schedule->loop, &schedule->kick);
    }
}

/* ---- timers; with the mutex unless marked otherwise ---- */

static icn_alarm *find_alarm(const icn_extension *of, uint64_t id)
{
    for (icn_list_node *node = of->alarms.next; node != &of->alarms; node = node->next) {
        icn_alarm *alarm = ICN_CONTAINER(node, icn_alarm, node);
        if (alarm->id == id) {
            return alarm;
        }
    }
    return NULL;
}

static void unset(icn_schedule *schedule, icn_alarm *alarm)
{
    if (alarm->due) {
        alarm->due = false;
        icn_list_remove(&alarm->timer.node);
    } else {
        icn_timer_cancel(&schedule->timers, &alarm->timer);
    }
}

static void remove_alarm(icn_schedule *schedule, icn_extension *of, icn_alarm *alarm)
{
    ICN_CHECK(of->alarm_count != 0);
    unset(schedule, alarm);
    icn_list_remove(&alarm->node);
    of->alarm_count--;
    icn_memory_release(alarm, sizeof *alarm, ICN_MEMORY_SCHEDULE);
}

static void remove_alarms(icn_schedule *schedule, icn_extension *of)
{
    while (!icn_list_is_empty(&of->alarms)) {
        remove_alarm(schedule, of, ICN_CONTAINER(of->alarms.next, icn_alarm, node));
    }
}

static int32_t add_alarm(icn_extension *of, icn_session *session, uint64_t id, icn_alarm **added)
{
    if (of->alarm_count == IOCPNET_TIMERS_MAX) {
        return IOCPNET_E_LIMIT_REACHED;
    }
    icn_alarm *alarm = icn_memory_allocate_zeroed(sizeof *alarm, ICN_MEMORY_SCHEDULE);
    if (alarm == NULL) {
        return IOCPNET_E_NO_MEMORY;
    }
    icn_timer_init(&alarm->timer);
    alarm->session = session;
    alarm->id = id;
    icn_list_append(&of->alarms, &alarm->node);
    of->alarm_count++;
    *added = alarm;
    return IOCPNET_OK;
}

/* `sooner`: the loop has to be told. */
static int32_t set_alarm(icn_schedule *schedule, icn_extension *of, icn_session *session, const icn_timing *timing,
                         bool *sooner)
{
    icn_alarm *alarm = find_alarm(of, timing->id);
    if (alarm == NULL) {
        int32_t status = add_alarm(of, session, timing->id, &alarm);
        if (status != IOCPNET_OK) {
            return status;
        }
    }
    unset(schedule, alarm);
    alarm->period_ms = timing->period_ms;
    icn_timer_set(&schedule->timers, &alarm->timer, icn_os_deadline_ms(timing->delay_ms));
    *sooner = alarm->timer.deadline_ms < schedule->wakes_at;
    return IOCPNET_OK;
}

/* Without the mutex. */
static void kick_if(icn_schedule *schedule, bool needed)
{
    if (needed) {
        kick(schedule);
    }
}

int32_t icn_session_set_timer(icn_session *session, const icn_timing *timing)
{
    icn_schedule *schedule;
    bool sooner = false;
    int32_t status = icn_extension_make(session);
    if (status == IOCPNET_OK) {
        status = make(session->loop, &schedule);
    }
    if (status != IOCPNET_OK) {
        return status;
    }
    icn_mutex_lock(&schedule->mutex);
    icn_extension *extension = icn_extension_now(session);
    status = IOCPNET_E_CLOSED;
    if (extension != NULL) {
        status = set_alarm(schedule, extension, session, timing, &sooner);
    }
    icn_mutex_unlock(&schedule->mutex);
    kick_if(schedule, sooner);
    return status;
}

int32_t icn_loop_set_timer(icn_loop *loop, const icn_timing *timing)
{
    icn_schedule *schedule;
    bool sooner = false;
    int32_t status = make(loop, &schedule);
    if (status != IOCPNET_OK) {
        return status;
    }
    icn_mutex_lock(&schedule->mutex);
    status = IOCPNET_E_CLOSED;
    if (!schedule->stopped) {
        status = set_alarm(schedule, &schedule->alarms, &schedule->nobody, timing, &sooner);
    }
    icn_mutex_unlock(&schedule->mutex);
    kick_if(schedule, sooner);
    return status;
}

static void cancel(icn_schedule *schedule, icn_extension *of, uint64_t id)
{
    icn_alarm *alarm = of != NULL ? find_alarm(of, id) : NULL;
    if (alarm != NULL) {
        remove_alarm(schedule, of, alarm);
    }
}

int32_t icn_session_cancel_timer(icn_session *session, uint64_t id)
{
    icn_schedule *schedule = schedule_now(session->loop);
    if (schedule != NULL) {
        icn_mutex_lock(&schedule->mutex);
        cancel(schedule, icn_extension_now(session), id);
        icn_mutex_unlock(&schedule->mutex);
    }
    return IOCPNET_OK;
}

int32_t icn_loop_cancel_timer(icn_loop *loop, uint64_t id)
{
    icn_schedule *schedule = schedule_now(loop);
    if (schedule != NULL) {
        icn_mutex_lock(&schedule->mutex);
        cancel(schedule, &schedule->alarms, id);
        icn_mutex_unlock(&schedule->mutex);
    }
    return IOCPNET_OK;
}

/* In order of time, whatever order the wheel gives them in. */
static void alarm_is_due(icn_timers *timers, icn_timer *timer)
{
    icn_schedule *schedule = ICN_CONTAINER(timers, icn_schedule, timers);
    ICN_CONTAINER(timer, icn_alarm, timer)->due = true;
    icn_list_node *before = schedule->due.previous;
    while (before != &schedule->due && ICN_CONTAINER(before, icn_timer, node)->deadline_ms > timer->deadline_ms) {
        before = before->previous;
    }
    icn_list_append(before->next, &timer->node);
}

/* What an event of a timer tells, taken under the mutex. */
typedef struct expiry {
    icn_session *session;
    uint64_t id;
    uint64_t count;
} expiry;

/* Sets a periodic timer again, for a time to come, however many periods have passed; any other one is gone. */
static void expire(icn_schedule *schedule, icn_alarm *alarm, uint64_t now_ms, expiry *told)
{
    *told = (expiry){.session = alarm->session, .id = alarm->id, .count = 1};
    unset(schedule, alarm);
    if (alarm->period_ms == 0) {
        bool own = alarm->session == &schedule->nobody;
        remove_alarm(schedule, own ? &schedule->alarms : icn_extension_now(alarm->session), alarm);
        return;
    }
    const uint64_t deadline_ms = alarm->timer.deadline_ms;
    told->count += (now_ms - deadline_ms) / alarm->period_ms;
    icn_timer_set(&schedule->timers, &alarm->timer, deadline_ms + told->count * alarm->period_ms);
}

static void deliver_expiry(icn_schedule *schedule, const expiry *told)
{
    icn_session *session = told->session;
    const bool own = session == &schedule->nobody;
    if (!own && icn_session_is_closing(session)) {
        return;
    }
    iocpnet_event event;
    icn_session_fill_event(session, IOCPNET_EVENT_TIMER, &event);
    event.timer_id = told->id;
    event.timer_count = told->count;
    if (!own) {
        icn_session_deliver(session, &event);
    } else if (icn_loop_wants(schedule->loop, IOCPNET_EVENT_TIMER)) {
        (void)schedule->loop->deliver(schedule->loop, session, &event);
    }
}

/* Owner thread, without the mutex. */
static void arm(icn_schedule *schedule)
{
    icn_mutex_lock(&schedule->mutex);
    const uint64_t now_ms = icn_os_clock_ms();
    const uint32_t wait_ms = icn_timers_wait_ms(&schedule->timers, now_ms);
    const uint64_t wakes_at = wait_ms == IOCPNET_INFINITE ? NEVER : now_ms + wait_ms;
    schedule->wakes_at = wakes_at;
    icn_mutex_unlock(&schedule->mutex);
    if (wakes_at == NEVER) {
        icn_timer_cancel(&schedule->loop->timers, &schedule->wake);
    } else {
        icn_timer_set(&schedule->loop->timers, &schedule->wake, wakes_at);
    }
}

/* One that is cancelled before it is told is not told: the host may do so in the event of another one. */
static void tell_due(icn_schedule *schedule)
{
    const uint64_t now_ms = icn_os_clock_ms();
    icn_mutex_lock(&schedule->mutex);
    icn_timers_run(&schedule->timers, now_ms);
    while (!icn_list_is_empty(&schedule->due)) {
        expiry told;
        expire(schedule, ICN_CONTAINER(schedule->due.next, icn_alarm, timer.node), now_ms, &told);
        icn_mutex_unlock(&schedule->mutex);
        deliver_expiry(schedule, &told);
        icn_mutex_lock(&schedule->mutex);
    }
    icn_mutex_unlock(&schedule->mutex);
}

bool icn_schedule_due(icn_loop *loop, const icn_timer *timer)
{
    icn_schedule *schedule = schedule_now(loop);
    if (schedule == NULL || timer != &schedule->wake) {
        return false;
    }
    tell_due(schedule);
    arm(schedule);
    return true;
}

/* ---- jobs ---- */

static int32_t create_job(const icn_loop *loop, icn_session *session, iocpnet_callback function, void *argument,
                          icn_job **created)
{
    if (!icn_loop_wants(loop, IOCPNET_EVENT_POSTED)) {
        return IOCPNET_E_INVALID_STATE;
    }
    icn_job *job = icn_memory_allocate(sizeof *job, ICN_MEMORY_SCHEDULE);
    if (job == NULL) {
        return IOCPNET_E_NO_MEMORY;
    }
    *job = (icn_job){.session = session, .function = function, .argument = argument};
    *created = job;
    return IOCPNET_OK;
}

/* With the mutex. */
static int32_t put_job(icn_schedule *schedule, icn_job *job)
{
    if (schedule->job_count == IOCPNET_JOBS_MAX) {
        return IOCPNET_E_WOULD_BLOCK;
    }
    *schedule->last_job = job;
    schedule->last_job = &job->next;
    schedule->job_count++;
    return IOCPNET_OK;
}

static int32_t post(icn_schedule *schedule, icn_session *session, iocpnet_callback function, void *argument)
{
    icn_job *job;
    int32_t status = create_job(schedule->loop, session, function, argument, &job);
    if (status != IOCPNET_OK) {
        return status;
    }
    icn_mutex_lock(&schedule->mutex);
    const bool own = session == &schedule->nobody;
    const bool open = own ? !schedule->stopped : icn_extension_now(session) != NULL;
    status = open ? put_job(schedule, job) : IOCPNET_E_CLOSED;
    icn_mutex_unlock(&schedule->mutex);
    if (status == IOCPNET_OK) {
        kick(schedule);
    } else {
        icn_memory_release(job, sizeof *job, ICN_MEMORY_SCHEDULE);
    }
    return status;
}

int32_t icn_session_post(icn_session *session, iocpnet_callback function, void *argument)
{
    icn_schedule *schedule;
    int32_t status = icn_extension_make(session);
    if (status == IOCPNET_OK) {
        status = make(session->loop, &schedule);
    }
    return status == IOCPNET_OK ? post(schedule, session, function, argument) : status;
}

int32_t icn_loop_post(icn_loop *loop, iocpnet_callback function, void *argument)
{
    icn_schedule *schedule;
    int32_t status = make(loop, &schedule);
    return status == IOCPNET_OK ? post(schedule, &schedule->nobody, function, argument) : status;
}

void IOCPNET_CALL icn_job_call(const iocpnet_event *event, void *user)
{
    const icn_job *job = event->reserved_pointer;
    iocpnet_event told = *event;
    (void)user;
    told.reserved_pointer = NULL;
    job->function(&told, job->argument);
}

/* Lost when there was no memory to say that the session is connected: nothing else is said of it but that it failed. */
static void deliver_job(icn_schedule *schedule, const icn_job *job)
{
    iocpnet_event event;
    icn_session_fill_event(job->session, IOCPNET_EVENT_POSTED, &event);
    event.data = job->argument;
    event.reserved_pointer = job;
    if (job->session->announced) {
        icn_session_deliver(job->session, &event);
    } else if (job->session == &schedule->nobody) {
        (void)schedule->loop->deliver(schedule->loop, job->session, &event);
    }
}

/* Owner thread. What these jobs post waits for the next time. */
static void deliver_jobs(icn_schedule *schedule)
{
    icn_mutex_lock(&schedule->mutex);
    icn_job *job = schedule->first_job;
    schedule->first_job = NULL;
    schedule->last_job = &schedule->first_job;
    schedule->job_count = 0;
    icn_mutex_unlock(&schedule->mutex);
    while (job != NULL) {
        icn_job *next = job->next;
        deliver_job(schedule, job);
        icn_memory_release(job, sizeof *job, ICN_MEMORY_SCHEDULE);
        job = next;
    }
}

/* ---- owner thread ---- */

void icn_schedule_look(icn_kick *kick)
{
    icn_schedule *schedule = ICN_CONTAINER(kick, icn_schedule, kick);
    /* Before looking: whoever posts from here on kicks again. */
    icn_u32_exchange(&kick->pending, 0);
    deliver_jobs(schedule);
    arm(schedule);
}

void icn_schedule_leave(icn_session *session, icn_extension *extension)
{
    /* Who has made one since sees that the extension has ended, or is seen here: see make. */
    icn_fence();
    icn_schedule *schedule = schedule_now(session->loop);
    if (schedule == NULL) {
        return;
    }
    deliver_jobs(schedule);
    icn_mutex_lock(&schedule->mutex);
    remove_alarms(schedule, extension);
    icn_mutex_unlock(&schedule->mutex);
}

void icn_schedule_stop(icn_loop *loop)
{
    void *found = NULL;
    while (found == NULL && !icn_pointer_replace(&loop->schedule, &found, &stopped_without)) {
    }
    if (found == NULL) {
        return;
    }
    icn_schedule *schedule = found;
    icn_mutex_lock(&schedule->mutex);
    schedule->stopped = true;
    remove_alarms(schedule, &schedule->alarms);
    icn_mutex_unlock(&schedule->mutex);
    deliver_jobs(schedule);
}

void icn_schedule_fini(icn_loop *loop)
{
    icn_schedule *schedule = schedule_now(loop);
    if (schedule != NULL) {
        ICN_CHECK(schedule->job_count == 0 && schedule->timers.count == 0);
        destroy(schedule);
    }
}
