# Sourced by tests/support/suites.sh: cases of GoogleTest, run by CTest.

# Run the cases that carry one of the labels, and a few that fail once more.
run_cases() { # PRESET LABELS [CTEST-OPTION...]
    local junit=$PWD/build/$1/results.xml alone=$PWD/build/$1/alone.xml again=0
    run_ctest "$1" "$2" "$junit" -j "$(nproc)" "${@:3}"
    if can_be_repeated "$1" "$junit"; then
        echo "repeated, one at a time:"
        run_ctest "$1" "$2" "$alone" --rerun-failed
        again=$(passed "$alone")
        [ "$again" -gt 0 ] && echo "UNSTEADY: $again of $1 passed when repeated"
    fi
    figures "$junit"
    count_cases "$1 $2" "$junit" "$again" "$(grep -c '(Not Run)' "build/$1/cases.log")"
}

run_ctest() { # PRESET LABELS JUNIT-FILE [CTEST-OPTION...]
    local elevate=()
    # Network namespaces need the rights of root.
    [[ $2 == *fault* && $(id -u) -ne 0 ]] && elevate=(sudo -E)
    rm -f "$3"
    "${elevate[@]}" ctest --test-dir "build/$1" -L "^($2)\$" "${@:4}" --output-on-failure --output-junit "$3" |
        tee "build/$1/cases.log" | grep -v -e ' Start ' -e ' Passed '
}

# A tight limit can be missed on a shared machine, so a few expectations that were not met are looked at once more, with
# nothing beside them. A crash, a hang, a failed check or a sanitizer's report is what it is: GoogleTest did not come to
# its last line, or something else than an expectation failed.
can_be_repeated() { # PRESET JUNIT-FILE
    local failed log=build/$1/cases.log
    local worse='\*\*\*(Timeout|Exception)|\(Not Run\)|check failed|Sanitizer|runtime error'
    failed=$(attribute failures "$2")
    [ "$failed" -gt 0 ] && [ "$failed" -le 3 ] && [ "$(grep -c ' FAILED TEST' "$log")" -eq "$failed" ] &&
        ! grep -qE "$worse" "$log"
}

# What tests measured, 'figures: TEXT', and what they counted, 'total: WHAT = NUMBER', added up over all of them.
figures() { # JUNIT-FILE
    [ -f "$1" ] || return 0
    grep '^figures: ' "$1"
    awk -F ' = ' '/^total: / { what = substr($1, 8); if (!(what in sum)) order[++n] = what; sum[what] += $2 }
        END { for (i = 1; i <= n; i++) printf "total: %d %s\n", sum[order[i]], order[i] }' "$1"
}

# CTest's report has a case whose program is missing among the skipped ones.
count_cases() { # NAME JUNIT-FILE PASSED-WHEN-REPEATED NOT-RUN
    if [ "$(attribute tests "$2")" -eq 0 ]; then
        echo "no test ran"
        count "$1" 0 1 0
    else
        count "$1" $(($(passed "$2") + $3)) $(($(attribute failures "$2") - $3 + $4)) $(($(skipped "$2") - $4))
    fi
}

passed() { # JUNIT-FILE
    echo $(($(attribute tests "$1") - $(attribute failures "$1") - $(skipped "$1")))
}

skipped() { # JUNIT-FILE
    echo $(($(attribute skipped "$1") + $(attribute disabled "$1")))
}

# A number from the head of ctest's report; 0 without a report.
attribute() { # NAME JUNIT-FILE
    local value
    value=$(grep -o -m 1 "\b$1=\"[0-9]*\"" "$2" 2>/dev/null | tr -dc 0-9)
    echo "${value:-0}"
}
