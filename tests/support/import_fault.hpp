/*
 * Makes a function of the system fail: while an ImportFault lives, the test binary's import table leads to a stand-in
 * that asks a predicate for each call. One for each function at a time. Windows only.
 */
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include <winsock2.h>
#include <windows.h>

namespace port_test
{

template <auto &Import, typename Function = std::remove_reference_t<decltype(Import)>>
class ImportFault;

template <auto &Import, typename Result, typename... Arguments>
class ImportFault<Import, Result(WINAPI *)(Arguments...)>
{
public:
    using Predicate = std::function<bool(Arguments...)>;

    /* A call for which the predicate holds returns `result` and leaves `error`; the others reach the system. */
    ImportFault(Result result, DWORD error, Predicate predicate)
    {
        result_ = result;
        error_ = error;
        predicate_ = std::move(predicate);
        original_ = Import;
        store(stand_in);
    }
    ~ImportFault() { store(original_); }
    ImportFault(const ImportFault &) = delete;
    ImportFault &operator=(const ImportFault &) = delete;

private:
    using Function = Result(WINAPI *)(Arguments...);

    static void store(Function function)
    {
        DWORD before = 0;
        VirtualProtect(&Import, sizeof Import, PAGE_READWRITE, &before);
        Import = function;
        VirtualProtect(&Import, sizeof Import, before, &before);
    }

    static Result WINAPI stand_in(Arguments... arguments)
    {
        if (predicate_(arguments...)) {
            SetLastError(error_);
            return result_;
        }
        return original_(arguments...);
    }

    static inline Result result_{};
    static inline DWORD error_ = 0;
    static inline Predicate predicate_;
    static inline Function original_ = nullptr;
};

/* Holds for `count` calls after the first `passed` ones. */
inline auto strike(uint32_t count, uint32_t passed = 0)
{
    return [count, passed](auto &&...) mutable {
        if (passed > 0) {
            --passed;
            return false;
        }
        return count > 0 && count-- > 0;
    };
}

} // namespace port_test
