# Sourced by tests/support/suites.sh and samples/run: a wine prefix and a wineserver of their own.

# Make a prefix and keep its server running; without that every program takes seconds to start.
# A WINEPREFIX that is set already is used as it is: whoever set it looks after it.
wine_start() {
    export WINEPREFIX WINEDEBUG=-all WINEDLLOVERRIDES=winedbg.exe=d
    [ -n "${WINEPREFIX:-}" ] && return 0
    WINEPREFIX=$(mktemp -d "${TMPDIR:-/tmp}/iocpnet-wine.XXXXXX") || return 1
    wine_prefix_is_ours=yes
    timeout 120 wineboot -i </dev/null >/dev/null 2>&1 || return 1
    wineserver -k </dev/null >/dev/null 2>&1
    wineserver -w </dev/null >/dev/null 2>&1
    wineserver -p300 </dev/null >/dev/null 2>&1
    timeout 60 wine cmd /c exit </dev/null >/dev/null 2>&1
}

# End the server of our own prefix, and with it every program that still runs there.
wine_stop() {
    [ "${wine_prefix_is_ours:-}" = yes ] || return 0
    wineserver -k </dev/null >/dev/null 2>&1
    timeout 20 wineserver -w </dev/null >/dev/null 2>&1
    rm -rf "$WINEPREFIX"
    unset WINEPREFIX wine_prefix_is_ours
}
