# Sourced by tests/run and samples/run: installs with apt what is missing.

# The Debian packages that a suite, or a sample, needs.
packages_for() {
    local build="cmake ninja-build gcc g++ libc6-dev"
    local mingw="gcc-mingw-w64-x86-64-win32 g++-mingw-w64-x86-64-posix"
    local peers="socat netcat-openbsd"
    local network="iproute2 nftables"
    case $1 in
        sample) echo "$build" ;;
        sample-iocp) echo "$build $mingw wine wine64" ;;
        unit | port | abuse | stress | soak) echo "$build googletest" ;;
        api) echo "$build googletest $peers" ;;
        cost) echo "$build googletest python3 valgrind strace" ;;
        fault) echo "$build googletest binutils $network" ;;
        asan | tsan) echo "$build googletest $peers $network clang libclang-rt-14-dev llvm" ;;
        sim) echo "$build googletest clang libclang-rt-14-dev llvm" ;;
        mutants) echo "$build googletest python3" ;;
        coverage) echo "$build googletest binutils python3 $peers $network" ;;
        fuzz) echo "$build googletest python3 clang libclang-rt-14-dev llvm" ;;
        wine) echo "$build googletest $mingw wine wine64" ;;
        bench | bench-smoke) echo "$build python3 libuv1-dev libasio-dev libevent-dev" ;;
        abi) echo "$build python3 clang binutils $mingw gcc-mingw-w64-i686-win32" ;;
        metrics | chat) echo "$build googletest python3 python3-prometheus-client" ;;
        haproxy) echo "$build googletest python3 haproxy" ;;
        model) echo "python3 spin gcc libc6-dev" ;;
        style) echo "python3 git clang clang-format clang-tidy cppcheck libc6-dev $mingw" ;;
    esac
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]
}

# Install what the suites need. A failure is left to the tests, which then fail for want of it.
install_for() {
    local suite package missing=()
    command -v apt-get >/dev/null || return 0
    for package in $(for suite in "$@"; do packages_for "$suite"; done | tr ' ' '\n' | sort -u); do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    echo "installing: ${missing[*]}"
    as_root apt-get -q -o DPkg::Lock::Timeout=300 update </dev/null || echo "apt-get update failed; going on"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        install --no-install-recommends "${missing[@]}" </dev/null
}
