#include "os/thread.h"

#include <process.h>
#include <stdlib.h>

#include <windows.h>

#include "base/check.h"

/* A zeroed SRWLOCK or CONDITION_VARIABLE is an initialised one, and neither needs an end. */
_Static_assert(sizeof(SRWLOCK) <= sizeof(icn_mutex), "a mutex holds an SRWLOCK");
_Static_assert(sizeof(CONDITION_VARIABLE) <= sizeof(icn_condition), "a condition holds a CONDITION_VARIABLE");
_Static_assert(sizeof(HANDLE) <= sizeof(icn_thread), "a thread holds a HANDLE");
_Static_assert(INFINITE == IOCPNET_INFINITE, "a wait without end is the same number");

#define NAME_SIZE 16

typedef HRESULT(WINAPI *set_thread_description)(HANDLE, PCWSTR);

typedef struct thread_start {
    icn_thread_main *main;
    void *argument;
    HANDLE taken; /* an event: the new thread has read the two above */
} thread_start;

static INIT_ONCE prepared = INIT_ONCE_STATIC_INIT;
static DWORD depth_slot = TLS_OUT_OF_INDEXES;
static DWORD os_error_slot = TLS_OUT_OF_INDEXES;
static DWORD loop_slot = TLS_OUT_OF_INDEXES;
static DWORD gate_slot = TLS_OUT_OF_INDEXES;

static SRWLOCK *lock_of(icn_mutex *mutex)
{
    return (SRWLOCK *)(void *)mutex->storage;
}

static CONDITION_VARIABLE *variable_of(icn_condition *condition)
{
    return (CONDITION_VARIABLE *)(void *)condition->storage;
}

static HANDLE *handle_of(icn_thread *thread)
{
    return (HANDLE *)(void *)thread->storage;
}

void icn_mutex_init(icn_mutex *mutex)
{
    InitializeSRWLock(lock_of(mutex));
}

void icn_mutex_fini(icn_mutex *mutex)
{
    (void)mutex;
}

void icn_mutex_lock(icn_mutex *mutex)
{
    AcquireSRWLockExclusive(lock_of(mutex));
}

void icn_mutex_unlock(icn_mutex *mutex)
{
    ReleaseSRWLockExclusive(lock_of(mutex));
}

void icn_condition_init(icn_condition *condition)
{
    InitializeConditionVariable(variable_of(condition));
}

void icn_condition_fini(icn_condition *condition)
{
    (void)condition;
}

void icn_condition_wait(icn_condition *condition, icn_mutex *mutex)
{
    SleepConditionVariableSRW(variable_of(condition), lock_of(mutex), INFINITE, 0);
}

void icn_condition_wait_ms(icn_condition *condition, icn_mutex *mutex, uint32_t timeout_ms)
{
    SleepConditionVariableSRW(variable_of(condition), lock_of(mutex), timeout_ms, 0);
}

void icn_condition_signal_all(icn_condition *condition)
{
    WakeAllConditionVariable(variable_of(condition));
}

/* Once in a process. The slots last as long as the module, and threads may outlive FreeLibrary: the module stays. */
static BOOL CALLBACK prepare(PINIT_ONCE once, PVOID parameter, PVOID *context)
{
    HMODULE module;
    (void)once;
    (void)parameter;
    (void)context;
    depth_slot = TlsAlloc();
    os_error_slot = TlsAlloc();
    loop_slot = TlsAlloc();
    gate_slot = TlsAlloc();
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                       (LPCWSTR)(const void *)&prepared, &module);
    return TRUE;
}

static void prepare_once(void)
{
    InitOnceExecuteOnce(&prepared, prepare, NULL, NULL);
}

/* Newer than the oldest Windows that is supported; a name is only for debuggers. */
static void name_thread(HANDLE thread, const char *name)
{
    HMODULE kernel = GetModuleHandleW(L"kernel32.dll");
    FARPROC found = kernel != NULL ? GetProcAddress(kernel, "SetThreadDescription") : NULL;
    if (found == NULL) {
        return;
    }
    WCHAR wide[NAME_SIZE] = {0};
    for (size_t i = 0; i < NAME_SIZE - 1 && name[i] != 0; i++) {
        wide[i] = (WCHAR)(unsigned char)name[i];
    }
    ((set_thread_description)(void (*)(void))found)(thread, wide);
}

static unsigned __stdcall thread_entry(void *parameter)
{
    thread_start *start = parameter;
    icn_thread_main *main = start->main;
    void *argument = start->argument;
    /* The starter returns once this is set: `start`, on its stack, is not touched any more. */
    SetEvent(start->taken);
    main(argument);
    return 0;
}

icn_result icn_thread_start(icn_thread *thread, const char *name, icn_thread_main *main, void *argument)
{
    prepare_once();
    thread_start start = {main, argument, CreateEventW(NULL, TRUE, FALSE, NULL)};
    if (start.taken == NULL) {
        return (icn_result){IOCPNET_E_NO_DESCRIPTORS, (int32_t)GetLastError()};
    }
    icn_result result = icn_ok();
    HANDLE handle = (HANDLE)_beginthreadex(NULL, 0, thread_entry, &start, 0, NULL);
    if (handle == NULL) {
        result = (icn_result){IOCPNET_E_NO_MEMORY, (int32_t)_doserrno};
    } else {
        WaitForSingleObject(start.taken, INFINITE);
        name_thread(handle, name);
        *handle_of(thread) = handle;
    }
    CloseHandle(start.taken);
    return result;
}

void icn_thread_join(icn_thread *thread)
{
    WaitForSingleObject(*handle_of(thread), INFINITE);
    CloseHandle(*handle_of(thread));
}

void icn_thread_detach(icn_thread *thread)
{
    CloseHandle(*handle_of(thread));
}

uint64_t icn_thread_self(void)
{
    return GetCurrentThreadId();
}

/* The slots are written once, before InitOnceExecuteOnce returns on any thread: reading them needs no lock. */
static uintptr_t thread_value(const DWORD *slot)
{
    prepare_once();
    return (uintptr_t)TlsGetValue(*slot);
}

static void set_thread_value(const DWORD *slot, uintptr_t value)
{
    prepare_once();
    TlsSetValue(*slot, (void *)value);
}

uint32_t icn_thread_callback_depth(void)
{
    return (uint32_t)thread_value(&depth_slot);
}

void icn_thread_callback_enter(void)
{
    set_thread_value(&depth_slot, thread_value(&depth_slot) + 1);
}

void icn_thread_callback_leave(void)
{
    ICN_CHECK(thread_value(&depth_slot) > 0);
    set_thread_value(&depth_slot, thread_value(&depth_slot) - 1);
}

int32_t icn_thread_last_os_error(void)
{
    return (int32_t)(uint32_t)thread_value(&os_error_slot);
}

void icn_thread_set_last_os_error(int32_t os_error)
{
    set_thread_value(&os_error_slot, (uint32_t)os_error);
}

void *icn_thread_loop(void)
{
    return (void *)thread_value(&loop_slot);
}

void icn_thread_set_loop(void *loop)
{
    set_thread_value(&loop_slot, (uintptr_t)loop);
}

void *icn_thread_gate(void)
{
    return (void *)thread_value(&gate_slot);
}

void icn_thread_set_gate(void *gate)
{
    set_thread_value(&gate_slot, (uintptr_t)gate);
}
