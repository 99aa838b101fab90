#!/usr/bin/env bash
# One suite: suites.sh SUITE RESULTS. Called by tests/run, which installs what is needed and sets the time limit.
set -u
results=$2
. tests/support/wine.sh
. tests/support/simulate.sh
. tests/support/cases.sh

count() { # NAME PASSED FAILED [SKIPPED]
    echo "-- $1: $2 passed, $3 failed${4:+, $4 skipped}"
    echo "$2 $3" >>"$results"
}

build() { # PRESET [TARGET...]
    local preset=$1 log=build/$1.log
    shift
    if cmake --preset "$preset" >"$log" 2>&1 && cmake --build --preset "$preset" ${@:+--target "$@"} >>"$log" 2>&1; then
        return 0
    fi
    grep -v '^\[[0-9]*/[0-9]*\] \(Building\|Linking\)' "$log" | tail -n 200
    count "build of $preset" 0 1
    return 1
}

# Python checks: each method of a unittest case counts.
run_checks() { # FOLDER
    PYTHONDONTWRITEBYTECODE=1 python3 tests/support/run_checks.py "$1" "$results" || count "checks of $1" 0 1
}

run_sample() { # PORT SESSIONS [SAMPLE]
    if samples/run --port "$1" --sessions "$2" --sample "${3:-echo}" --seconds 3; then
        count "sample ${3:-echo} on $1" 1 0
    else
        count "sample ${3:-echo} on $1" 0 1
    fi
}

native() { # SUITE
    build gcc-release "suite_$1" && run_cases gcc-release "$1"
}

suite_unit() { native unit; }

suite_port() { native port; }

suite_api() {
    native api
    run_sample epoll 200
    run_sample auto 200
}

# Not under the sanitizers: it is about figures, of many peers.
suite_abuse() { native abuse; }

suite_fault() { native fault; }

# Counted, not timed.
suite_cost() {
    run_checks tests/cost
    build gcc-release suite_cost || return
    python3 tests/cost/measure.py build/gcc-release "$results" ${ICN_SUITE_OPTIONS:-} || count cost 0 1
}

suite_fuzz() {
    export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1
    export UBSAN_OPTIONS=print_stacktrace=1
    build fuzz suite_fuzz && python3 tests/fuzz/run.py build/fuzz/bin "$results"
}

# A program of ours that says by its exit code whether it passed. A later option of the same name wins. `runner`: what runs it.
run_program() { # PRESET PROGRAM [OPTION...]
    local preset=$1 program=$2
    shift 2
    if ${runner:-} "build/$preset/bin/$program" "$@"; then
        count "$program of $preset" 1 0
    else
        count "$program of $preset" 0 1
    fi
}

suite_stress() {
    build gcc-release suite_stress && run_program gcc-release stress --seconds 40 ${ICN_SUITE_OPTIONS:-}
}

# It has to find memory that is lost on purpose, too.
suite_soak() {
    build gcc-release suite_soak || return
    run_program gcc-release soak --seconds 20 ${ICN_SUITE_OPTIONS:-}
    if build/gcc-release/bin/soak --seconds 4 --leak 4096 | grep 'FAILED: memory of the process'; then
        count "soak that finds a leak" 1 0
    else
        count "soak that finds a leak" 0 1
    fi
}

# Measures. Fails only when a program does, never for a figure.
suite_bench() {
    build bench suite_bench || return
    python3 tests/bench/run.py --programs build/bench/bin --results "$results" ${ICN_SUITE_OPTIONS:-} || count bench 0 1
}

# A program that prints a line for each of its cases, which begins with PASSED or FAILED.
run_lines() { # NAME COMMAND...
    local name=$1 lines failed
    shift
    lines=$("$@")
    local code=$?
    grep -v '^PASSED' <<<"$lines"
    failed=$(grep -c '^FAILED' <<<"$lines")
    [ "$code" -ne 0 ] && [ "$failed" -eq 0 ] && failed=1
    count "$name" "$(grep -c '^PASSED' <<<"$lines")" "$failed"
}

# Whether the bench works: what it measures is not looked at.
suite_bench-smoke() {
    local programs=build/bench/bin
    build bench suite_bench || return
    run_checks tests/bench
    run_lines "load of the bench" python3 tests/bench/load/load_check.py "$programs/bench_load"
    run_lines "servers of the bench" python3 tests/bench/servers/servers_check.py "$programs"
    ICN_SUITE_OPTIONS="echo latency fanout tick idle scaling fairness connections dispatchers spin --smoke" suite_bench
}

suite_sim() {
    native sim
    build clang-release simulate && build asan simulate || return
    replay_regressions gcc-release
    replay_regressions asan
    compare_hashes 2000 gcc-release clang-release asan
    simulate gcc-release --life-cycles 4000000 --jobs 2 --seed "$(campaign_seed 0)" --output build/sim-gcc.choices
    simulate asan --life-cycles 1000000 --jobs 2 --seed "$(campaign_seed 1)" --output build/sim-asan.choices
}

suite_mutants() { build gcc-release simulate && python3 tests/mutants/run_mutants.py build/gcc-release "$results"; }

# Without cases that repeat one thing for long, or measure memory: they reach no branch that others do not.
run_coverage() {
    run_cases coverage 'unit|port|api|fault' -E 'Scale(Churn|Cycle)|SendFromSent|MisuseFlood|QueueAndMemoryStay'
}

# Some branches are reached in most runs, as threads meet; another run adds to the counts of those before.
suite_coverage() {
    build coverage suite_unit suite_port suite_api suite_fault || return
    find build/coverage -name '*.gcda' -delete
    run_coverage
    python3 tests/coverage/report.py build/coverage >/dev/null || run_coverage
    python3 tests/coverage/report.py build/coverage >/dev/null || run_coverage
    python3 tests/coverage/report.py build/coverage "$results" || count "coverage report" 0 1
}

suite_asan() {
    export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
    export UBSAN_OPTIONS=print_stacktrace=1
    build asan && run_cases asan 'unit|port|api|fault' && run_program asan stress --seconds 15
}

suite_tsan() {
    export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
    build tsan && run_cases tsan 'unit|port|api|fault' && run_program tsan stress --seconds 15
}

suite_wine() {
    build mingw || return
    trap wine_stop EXIT
    if wine_start; then
        run_cases mingw 'unit|port|api|fault'
        run_sample iocp 100
        run_sample iocp 50 chat
        # The limit ends what its watchdog can not: under wine no process ends while its loader hangs.
        runner='timeout -s KILL 300 tests/support/wine_program' run_program mingw stress.exe --seconds 15
    else
        count "start of wine" 0 1
    fi
}

suite_abi() {
    build gcc-release iocpnet && build mingw iocpnet && build mingw32 iocpnet && run_checks tests/abi
}

# Debian's Python, for which Debian's package of the parser is.
suite_metrics() { build gcc-release iocpnet && PATH=/usr/bin:$PATH run_checks tests/metrics; }

# The chat of the samples: its protocol, what its crowd finds, and a thousand people for a minute.
suite_chat() { build gcc-release chat_server chat_client && PATH=/usr/bin:$PATH run_checks tests/chat; }

# A real HAProxy in front of servers.
suite_haproxy() { build gcc-release haproxy_server && PATH=/usr/bin:$PATH run_checks tests/haproxy; }

suite_model() { run_checks tests/model; }

suite_style() { run_checks tests/style; }

mkdir -p build
"suite_$1"
exit 0
