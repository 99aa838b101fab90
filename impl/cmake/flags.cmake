# Compiler settings that every target of the project shares.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(sanitizer_flags)
if(IOCPNET_SANITIZE STREQUAL "address")
    # Looking at a vptr takes a pipe, which tests without descriptors do not have; the library has none to look at.
    set(sanitizer_flags -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
elseif(IOCPNET_SANITIZE STREQUAL "thread")
    set(sanitizer_flags -fsanitize=thread -fno-omit-frame-pointer)
elseif(IOCPNET_SANITIZE)
    message(FATAL_ERROR "IOCPNET_SANITIZE is '${IOCPNET_SANITIZE}': it must be empty, address or thread")
endif()
add_compile_options(${sanitizer_flags})
add_link_options(${sanitizer_flags})

# The warnings of the project's own code. GoogleTest is built without them.
add_library(iocpnet_warnings INTERFACE)
target_compile_options(iocpnet_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    $<$<BOOL:${IOCPNET_WERROR}>:-Werror>)

# The platform: its feature macros and libraries. The empty values equal those of a plain '#define'.
add_library(iocpnet_platform INTERFACE)
if(WIN32)
    target_compile_definitions(iocpnet_platform INTERFACE _WIN32_WINNT=0x0602 WIN32_LEAN_AND_MEAN= NOMINMAX=)
    target_link_libraries(iocpnet_platform INTERFACE ws2_32)
else()
    target_compile_definitions(iocpnet_platform INTERFACE $<$<COMPILE_LANGUAGE:C>:_GNU_SOURCE>)
endif()
