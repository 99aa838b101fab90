# The lines of a suite's output that tell of failures, with some that follow them, and the last ones before a verdict that
# tells of some. Nothing if nothing failed. -v suite=NAME.

function is_verdict() { return /^-- .*[0-9]+ passed/ || /^UNSTEADY/ || /ended early/ }
function has_failed() { return / [1-9][0-9]* failed/ || /^UNSTEADY/ || /ended early/ }
function tells() {
    return /\*\*\*(Failed|Timeout|Exception)/ || /^[^ ]*: Failure/ || /(^|[^a-z_])(FAIL|FAILED|ERROR|VIOLATION|missed)[: ]/ || /^to repeat: / ||
        /check failed/ || /(runtime |: |^)error:/ || /Sanitizer:/
}
function is_idle() { return /^\[ *(OK|RUN|-+|=+|PASSED|FAILED) *\]/ || /^(Running main|Note: Google)/ || /^ *$/ || / FAILED TEST/ }
function keep(text) { if (kept < 80) line[kept++] = substr(text, 1, 300) }

is_idle() { next }
is_verdict() {
    if (has_failed()) {
        for (i = seen > 12 ? seen - 12 : 0; i < seen; i++) keep(before[i % 12])
        keep($0)
        any = 1
    }
    seen = follow = 0
    next
}
tells() { follow = 6 }
follow > 0 { keep($0); follow--; next }
{ before[seen++ % 12] = $0 }
END {
    if (any) print "== failures of " suite
    for (i = 0; any && i < kept; i++) print line[i]
}
