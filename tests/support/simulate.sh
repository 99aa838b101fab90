# Sourced by tests/support/suites.sh: campaigns of the simulator.

# Run `simulate` with arguments; it says by its exit code whether every invariant held.
simulate() { # PRESET ARGUMENT...
    local preset=$1
    shift
    if "build/$preset/bin/simulate" "$@"; then
        count "simulate of $preset: $*" 1 0
    else
        count "simulate of $preset: $*" 0 1
    fi
}

# The first seed of a campaign. The same ones each time: what has passed fails only when something has changed. Another
# ICN_SIM_SEED looks elsewhere.
campaign_seed() { # NUMBER
    echo $(((${ICN_SIM_SEED:-0} * 8 + $1) * 1000000 + 1))
}

# Choices that broke an invariant once.
replay_regressions() { # PRESET
    local file
    for file in tests/sim/regressions/*.choices; do
        simulate "$1" --replay "$file"
    done
}

# The same runs make the same traces whoever compiled the simulator.
compare_hashes() { # RUNS PRESET...
    local runs=$1 preset hash first=
    shift
    for preset in "$@"; do
        hash=$("build/$preset/bin/simulate" --hash 1 "$runs")
        echo "traces of $runs runs with $preset: $hash"
        first=${first:-$hash}
        if [ -n "$hash" ] && [ "$hash" = "$first" ]; then
            count "traces of $preset" 1 0
        else
            count "traces of $preset" 0 1
        fi
    done
}
